"""The embedded PostgreSQL: a database engine for Django that runs its own server.

With no DATABASE_URL the settings name this package as the ENGINE. `base.py` is the Django side: the first connection
starts the server, and a connection that fails starts it again; `client.py` runs the server's own programs. The server's
life is `embedded`, a package of its own that knows nothing of Django.

Nothing here is imported when DATABASE_URL is set.
"""
