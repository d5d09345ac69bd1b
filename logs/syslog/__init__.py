"""Syslog and GELF over UDP, TCP and TLS: a process of its own, `manage.py syslog`. Off without SYSLOG_LISTENERS."""
