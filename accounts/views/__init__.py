"""Pages, by story: each view parses, authorises, asks one query or action, renders."""
