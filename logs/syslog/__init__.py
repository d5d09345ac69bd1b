"""Syslog over UDP, TCP and TLS: a process of its own, `manage.py syslog`. Off unless SYSLOG_LISTENERS is set."""
