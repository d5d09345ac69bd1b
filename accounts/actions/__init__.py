"""What changes accounts, as verbs: each locks, checks, saves and writes its audit row in one transaction."""
