"""Limits of what is taken in, looked for and sent out."""

from __future__ import annotations

import os

from pulseops.core.config.environment import env

# -- Ingest limits (contracts.md) --------------------------------------------------------------------------------------
INGEST_MAX_ENTRIES = env.whole("INGEST_MAX_ENTRIES", 5_000, least=1)
INGEST_MAX_BYTES = env.whole("INGEST_MAX_BYTES", 5 * 1024 * 1024, least=1)  # decoded
INGEST_FOREIGN_MAX_BYTES = env.whole("INGEST_FOREIGN_MAX_BYTES", 24 * 1024 * 1024, least=1)  # the same, other protocols
INGEST_FOREIGN_MAX_LOGS = env.whole("INGEST_FOREIGN_MAX_LOGS", 100_000, least=1)  # of a request in one of those
INGEST_LARGE_BODIES = env.whole("INGEST_LARGE_BODIES", 2, least=1)  # above 5 MiB, held by one process at a time
INGEST_MAX_MESSAGE_BYTES = env.whole("INGEST_MAX_MESSAGE_BYTES", 256 * 1024, least=1)
INGEST_MAX_DEPTH = env.whole("INGEST_MAX_DEPTH", 32, least=1)
INGEST_MAX_FIELDS = env.whole("INGEST_MAX_FIELDS", 1_000, least=1)  # of a log, at all depths together
INGEST_MIN_FREE_BYTES = env.whole("INGEST_MIN_FREE_BYTES", 1024**3)  # on the embedded database's disk; below it, 503
INGEST_SCRUB_SECONDS = env.number("INGEST_SCRUB_SECONDS", 0.4, least=0.01)  # of CPU, of the texts of one request
INGEST_BYTES_PER_MINUTE = env.whole("INGEST_BYTES_PER_MINUTE", 256 * 1024**2, least=1)  # unpacked, of each key
INGEST_RATE_PER_MINUTE = env.whole("INGEST_RATE_PER_MINUTE", 60_000, least=1)  # logs of a key without its own figure
INGEST_STREAM_IDLE_SECONDS = env.number("INGEST_STREAM_IDLE_SECONDS", 300.0, least=1)  # a journal may bring nothing
# A key for browsers can be read by everybody who visits the page, so it has less.
INGEST_BROWSER_RATE_PER_MINUTE = env.whole("INGEST_BROWSER_RATE_PER_MINUTE", 600, least=1)
INGEST_BROWSER_BYTES_PER_MINUTE = env.whole("INGEST_BROWSER_BYTES_PER_MINUTE", 8 * 1024**2, least=1)
API_KEY_ORIGINS = env.whole("API_KEY_ORIGINS", 20, least=1)  # of web pages that one key for browsers may be used on
API_KEY_NETWORKS = env.whole("API_KEY_NETWORKS", 50, least=1)  # addresses and networks that one key may be bound to

# -- Syslog, a process of its own --------------------------------------------------------------------------------------
SYSLOG_LISTENERS = env.text("SYSLOG_LISTENERS")  # logs/syslog/listeners.py says how; empty: off
SYSLOG_CERTIFICATE = env.file("SYSLOG_CERTIFICATE")
SYSLOG_CERTIFICATE_KEY = env.file("SYSLOG_CERTIFICATE_KEY")
SYSLOG_CONNECTIONS = env.whole("SYSLOG_CONNECTIONS", 1_000, least=1)
SYSLOG_CONNECTIONS_PER_ADDRESS = env.whole("SYSLOG_CONNECTIONS_PER_ADDRESS", 50, least=1)
SYSLOG_KEYS = env.whole("SYSLOG_KEYS", 200, least=1)  # that send at the same time
SYSLOG_BUFFER_BYTES = env.whole("SYSLOG_BUFFER_BYTES", 64 * 1024**2, least=1)  # of messages that wait to be stored
SYSLOG_CHUNK_BYTES = env.whole("SYSLOG_CHUNK_BYTES", 16 * 1024**2, least=1)  # of GELF that is not whole yet, a listener
SYSLOG_WRITERS = env.whole("SYSLOG_WRITERS", 2, least=1)  # connections to the database

# -- Searching logs ----------------------------------------------------------------------------------------------------
LOG_SEARCH_SECONDS = env.number("LOG_SEARCH_SECONDS", 1.0)  # until a search stops and offers to go on
LOG_COUNT_SECONDS = env.number("LOG_COUNT_SECONDS", 0.5)  # the same for the histogram and the facets
LOG_PAGE_COUNT_SECONDS = env.number("LOG_PAGE_COUNT_SECONDS", 0.03)  # of a search until its rows are shown without
LOG_SEARCH_SLOTS = env.whole("LOG_SEARCH_SLOTS", 2, least=1)  # slow searches of one organisation at the same time
LOG_SEARCH_SECONDS_PER_MINUTE = env.number(
    "LOG_SEARCH_SECONDS_PER_MINUTE", 5.0
)  # of slow searches; then heavy. 0: never
LOG_SEARCH_HEAVY_SLOTS = env.whole("LOG_SEARCH_HEAVY_SLOTS", max(1, (os.cpu_count() or 1) - 1), least=1)
LOG_QUERY_COMPARISONS = env.whole("LOG_QUERY_COMPARISONS", 500, least=1)  # of one query, every reading of it counted
COMPARISON_SECONDS = env.number("COMPARISON_SECONDS", 4.0)  # of comparing errors before and after a deployment
LOG_SEAL = env.switch("LOG_SEAL", True)  # what is over becomes compressed blocks
LOG_FRESH_HOURS = env.whole("LOG_FRESH_HOURS", 2, least=1)  # that logs stay rows, by their own time and their receipt
LOG_EXPORT_ROWS = env.whole("LOG_EXPORT_ROWS", 1_000_000, least=1)

# -- Downloads: exports of logs and of the audit log -------------------------------------------------------------------
DOWNLOADS = env.whole("DOWNLOADS", 6, least=1)  # at the same time in the whole installation: half of two pools
DOWNLOADS_PER_ORG = env.whole("DOWNLOADS_PER_ORG", 2, least=1)
DOWNLOADS_PER_PERSON = env.whole("DOWNLOADS_PER_PERSON", 2, least=1)  # in all their organisations together
DOWNLOAD_BYTES_PER_SECOND = env.whole("DOWNLOAD_BYTES_PER_SECOND", 16 * 1024)  # who reads slower is sent away
DOWNLOAD_SECONDS = env.number("DOWNLOAD_SECONDS", 900.0, least=1)  # after which any is ended

# -- Pages that follow what happens: tabs that are looked at, of one web process; 0: no limit --------------------------
LIVE_TABS = env.whole("LIVE_TABS", 500)
LIVE_TABS_PER_ORG = env.whole("LIVE_TABS_PER_ORG", 250)
LIVE_TABS_PER_PERSON = env.whole("LIVE_TABS_PER_PERSON", 20)

# -- Evaluating alert rules --------------------------------------------------------------------------------------------
ALERT_ORG_SECONDS = env.number("ALERT_ORG_SECONDS", 2.0)  # of one organisation's rules, each time that it has its turn
ALERT_PASS_SECONDS = env.number("ALERT_PASS_SECONDS", 20.0)  # of all organisations' by the worker or a cron endpoint
ALERT_RULE_OVERRUNS = env.whole("ALERT_RULE_OVERRUNS", 3, least=1)  # in a row, until a rule that takes too long rests

# -- Deployments -------------------------------------------------------------------------------------------------------
# Verifies the deliveries of integrations from older installations that have no secret of their own; of those alone.
GITHUB_WEBHOOK_SECRET = env.text("GITHUB_WEBHOOK_SECRET")

DEPLOYMENT_RETENTION_DAYS = env.whole("DEPLOYMENT_RETENTION_DAYS", 730, least=1)
DEPLOYMENTS_PER_ORG = env.whole("DEPLOYMENTS_PER_ORG", 100_000, least=1)  # the newest stay

# -- Outgoing requests -------------------------------------------------------------------------------------------------
# Hosts beside Slack's and Discord's that channels may post to, "name" or "name:port": a Mattermost, say.
NOTIFICATION_HOSTS = env.words("NOTIFICATION_HOSTS")
# Of those, the ones of the operator's own network: they may have inner addresses and speak plain http.
OUTGOING_PRIVATE_HOSTS = env.words("OUTGOING_PRIVATE_HOSTS")
# Whether kinds whose receivers stand anywhere (signed webhooks, ntfy, Gotify …) may post to every public host.
NOTIFICATION_ANY_HOST = env.switch("NOTIFICATION_ANY_HOST", True)
NOTIFICATION_ADDRESSES_ASKED_PER_DAY = env.whole(
    "NOTIFICATION_ADDRESSES_ASKED_PER_DAY", 50, least=1
)  # by one organisation
NOTIFICATION_ATTEMPTS = env.whole("NOTIFICATION_ATTEMPTS", 5, least=1)
NOTIFICATION_TIMEOUT_SECONDS = env.number("NOTIFICATION_TIMEOUT_SECONDS", 10)  # for one message, all in all
NOTIFICATION_LEASE_SECONDS = env.whole("NOTIFICATION_LEASE_SECONDS", 60, least=1)  # well above that timeout
NOTIFICATION_LINK_HOURS = env.whole("NOTIFICATION_LINK_HOURS", 72, least=1)  # a link of a message acknowledges so long
INCIDENT_RETENTION_DAYS = env.whole("INCIDENT_RETENTION_DAYS", 365, least=1)  # after they were resolved
OUTGOING_CA_BUNDLE = env.file("OUTGOING_CA_BUNDLE")  # a file of certificates to trust instead of the usual ones

OIDC_SECONDS = env.number("OIDC_SECONDS", 10.0, least=1)  # that all answers of a provider to one page may take

# -- Backups by themselves ---------------------------------------------------------------------------------------------
BACKUP_DIR = env.text("BACKUP_DIR")  # empty: none are made
BACKUP_HOURS = env.whole("BACKUP_HOURS", 24, least=1)  # from one to the next
BACKUP_KEEP = env.whole("BACKUP_KEEP", 7, least=1)  # that stay in BACKUP_DIR
BACKUP_BYTES_PER_SECOND = env.whole("BACKUP_BYTES_PER_SECOND", 0)  # of the dump, packed; 0: as fast as it goes

# -- Quotas: what one person or organisation may have; 0 is no limit ---------------------------------------------------
QUOTA_ORGS = env.whole("QUOTA_ORGS", 20)  # organisations that a person is admin of, to make one more
QUOTA_MEMBERS = env.whole("QUOTA_MEMBERS", 500)  # with open invitations
SESSIONS_PER_USER = env.whole("SESSIONS_PER_USER", 50, least=2)  # the one that was used least lately ends
PASSKEYS_PER_USER = env.whole("PASSKEYS_PER_USER", 20, least=1)
QUOTA_SERVICES = env.whole("QUOTA_SERVICES", 200)
QUOTA_ENVIRONMENTS = env.whole("QUOTA_ENVIRONMENTS", 1_000)
QUOTA_KEYS = env.whole("QUOTA_KEYS", 1_000)  # those that work, and those that were made within a day
QUOTA_RULES = env.whole("QUOTA_RULES", 500)
QUOTA_CHANNELS = env.whole("QUOTA_CHANNELS", 20)
QUOTA_MAINTENANCE = env.whole("QUOTA_MAINTENANCE", 100)  # windows that are on
QUOTA_VIEWS = env.whole("QUOTA_VIEWS", 1_000)  # saved views of all members
CHANGES_PER_DAY = env.whole("CHANGES_PER_DAY", 3_000)  # forms that one person sends in one organisation
QUOTA_DEPLOYMENTS_PER_MINUTE = env.whole("QUOTA_DEPLOYMENTS_PER_MINUTE", 120)
QUOTA_WEBHOOKS_PER_MINUTE = env.whole("QUOTA_WEBHOOKS_PER_MINUTE", 600)  # deliveries that were verified
QUOTA_EXPORTS_PER_DAY = env.whole("QUOTA_EXPORTS_PER_DAY", 200)  # of logs; days are those of UTC
QUOTA_LOGS_PER_DAY = env.whole("QUOTA_LOGS_PER_DAY", 500_000_000)
QUOTA_BYTES_PER_DAY = env.whole("QUOTA_BYTES_PER_DAY", 200 * 1024**3)  # of bodies of logs, unpacked
