"""Backup and restore: one file that holds the database and the secrets that belong to it."""
