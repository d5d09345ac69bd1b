"""Searching sealed logs: the same trees as for rows, with the same answers (logs/storage/blocks/README.md)."""
