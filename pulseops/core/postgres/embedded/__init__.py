"""A PostgreSQL server that the processes which use it start, share, heal and stop. See README.md."""
