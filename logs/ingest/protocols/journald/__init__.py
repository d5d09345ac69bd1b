"""What systemd-journal-upload sends: a journal in its export format, in a request that may have no end.

Sources: systemd.io, "Journal Export Formats"; systemd, src/journal-remote/journal-upload.c.
"""
