"""The embedded PostgreSQL: a database engine for Django that runs its own server.

With no DATABASE_URL the settings name this package as the ENGINE. `base.py` is the Django side: the first connection
starts the server, and a connection that fails starts it again. `server.py` is the server's life; the other files are
its parts:

    home.py      where it lives on disk, and as which user it runs
    binaries.py  the programs, and a copy of them where the server's user cannot read the installed ones
    roles.py     its roles and its database; what the superuser is for
    cluster.py   initdb, the settings file, the log files
    process.py   is it alive, and what a killed server left behind
    flocks.py    who uses it: the last one out stops it
    errors.py    what can go wrong, each with what to do

Nothing here is imported when DATABASE_URL is set.
"""
