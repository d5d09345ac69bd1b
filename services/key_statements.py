"""The statements that authenticate an API key, count what it sends, and say whether that fits."""

from __future__ import annotations

import enum

# What authenticating and counting a batch locks, or an error at once.
LOCK_KEY_TABLES = "LOCK TABLE api_keys, api_key_rate_buckets, api_key_token_buckets IN ROW EXCLUSIVE MODE NOWAIT"


def _filled(rate: str, window_start: str) -> str:
    """The SQL of how full a token bucket is by now; `rate` and `window_start` are the SQL of its key's.

    What the key has sent by our own protocol since the bucket was last looked at, the window has counted: it is paid
    for out of the bucket, so that both kinds of protocols together do not reach twice the rate. `seen_count` is what
    the window had counted then.
    """
    passed = "greatest(extract(epoch FROM statement_timestamp() - tokens.filled_at), 0)"
    oldest = f"{window_start} - interval '1 minute'"
    counted = f"""
        (SELECT coalesce(sum(seen.count), 0) FROM api_key_rate_buckets seen WHERE seen.api_key_id = tokens.api_key_id
            AND seen.window_start >= greatest(tokens.seen_window, {oldest}))
    """  # noqa: S608 - made of constants
    seen = f"CASE WHEN tokens.seen_window >= {oldest} THEN tokens.seen_count ELSE 0 END"
    others = f"greatest({counted} - {seen}, 0)"
    return f"(least({rate}, tokens.tokens + {passed} * {rate} / 60.0) - {others})"


# A key is live until `revoked_at` or `expires_at`, unless its organisation is suspended or being deleted. It admits
# what its scopes and its networks do. The window is a minute of the database's clock, which all web processes share.
_LIVE_KEY = """
    SELECT k.id, k.org_id, k.service_id, k.environment_id, s.retention_days, s.ingest_version,
           coalesce(k.rate_per_minute, CASE WHEN k.origins IS NULL THEN %(default_rate)s ELSE %(browser_rate)s END)
               AS rate,
           k.networks IS NOT NULL OR k.origins IS NOT NULL AS is_bound,
           CASE WHEN k.origins IS NULL THEN %(most_bytes)s ELSE %(browser_bytes)s END::bigint AS most_bytes,
           k.key_hash = %(key_hash)s AS is_current,
           date_trunc('minute', statement_timestamp()) AS window_start
    FROM api_keys k
    JOIN services s ON s.id = k.service_id
    JOIN orgs o ON o.id = k.org_id AND o.deleted_at IS NULL AND o.suspended_at IS NULL
    WHERE k.key_hash IN (%(key_hash)s, %(fallback_hash)s)
      AND (k.revoked_at IS NULL OR k.revoked_at > statement_timestamp())
      AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
      AND %(scope)s = ANY (k.scopes)
      AND (k.networks IS NULL OR %(address)s::inet <<= ANY (k.networks))
      AND (k.origins IS NULL OR %(origin)s = ANY (k.origins))
"""


# Rows are locked when all of the statement's conditions have been looked at, this one too. A setting by a statement of
# its own would be one more way to the database and back.
_PATIENT = "AND set_config('lock_timeout', '2s', true) IS NOT NULL FOR KEY SHARE OF k"

_IMPATIENT = "FOR KEY SHARE OF k NOWAIT"

AUTHENTICATE = f"""
    WITH key AS ({_LIVE_KEY})
    SELECT key.id, key.org_id, key.service_id, key.environment_id, key.retention_days, key.ingest_version, key.rate,
           key.is_bound, key.most_bytes, key.is_current,
           extract(epoch FROM key.window_start + interval '1 minute' - statement_timestamp()),
           coalesce(bucket.count, 0), coalesce(bucket.bytes, 0),
           coalesce({_filled("key.rate", "key.window_start")}, key.rate)::float8
    FROM key
    LEFT JOIN api_key_rate_buckets bucket ON bucket.api_key_id = key.id AND bucket.window_start = key.window_start
    LEFT JOIN api_key_token_buckets tokens ON tokens.api_key_id = key.id
"""  # noqa: S608 - made of the constant above

_COUNTED_IN_WINDOW = """
    counted AS (
        INSERT INTO api_key_rate_buckets AS bucket (api_key_id, window_start, count, bytes)
        SELECT id, window_start, %(logs)s::int, %(bytes)s::bigint FROM key
        WHERE %(logs)s::int <= rate AND %(bytes)s::bigint <= most_bytes
            AND retention_days = %(retention_days)s::int AND ingest_version = %(ingest_version)s::int
        ON CONFLICT (api_key_id, window_start)
            DO UPDATE SET count = bucket.count + excluded.count, bytes = bucket.bytes + excluded.bytes
            WHERE bucket.count + excluded.count <= (SELECT rate FROM key)
                AND bucket.bytes + excluded.bytes <= (SELECT most_bytes FROM key)
        RETURNING count
    ),
"""

# A token is a log. The bucket holds a minute's worth and is refilled all the time; the last batch may overdraw it, so
# one that is larger than the bucket gets in as well. The window is counted all the same, for the one who looks at it.
_KEYS_RATE, _KEYS_WINDOW = "(SELECT rate FROM key)", "(SELECT window_start FROM key)"
_KEYS_COUNT = """
    coalesce((SELECT bucket.count FROM key JOIN api_key_rate_buckets bucket
        ON bucket.api_key_id = key.id AND bucket.window_start = key.window_start), 0)
"""

_COUNTED_IN_TOKENS = f"""
    paid AS (
        INSERT INTO api_key_token_buckets AS tokens (api_key_id, tokens, filled_at, seen_window, seen_count)
        SELECT id, rate - {_KEYS_COUNT} - %(logs)s::int, statement_timestamp(), window_start,
               {_KEYS_COUNT} + %(logs)s::int
        FROM key
        WHERE retention_days = %(retention_days)s::int AND ingest_version = %(ingest_version)s::int AND NOT EXISTS (
            SELECT FROM api_key_rate_buckets bucket WHERE bucket.api_key_id = key.id
                AND bucket.window_start = key.window_start AND bucket.bytes >= key.most_bytes
        )
        ON CONFLICT (api_key_id) DO UPDATE
            SET tokens = {_filled(_KEYS_RATE, _KEYS_WINDOW)} - %(logs)s::int,
                filled_at = greatest(tokens.filled_at, statement_timestamp()),
                seen_window = {_KEYS_WINDOW},
                seen_count = %(logs)s::int + greatest({_KEYS_COUNT},
                    CASE WHEN tokens.seen_window = {_KEYS_WINDOW} THEN tokens.seen_count ELSE 0 END)
            WHERE %(logs)s::int = 0 OR {_filled(_KEYS_RATE, _KEYS_WINDOW)} > 0
        RETURNING api_key_id
    ),
    counted AS (
        INSERT INTO api_key_rate_buckets AS bucket (api_key_id, window_start, count, bytes)
        SELECT id, window_start, %(logs)s::int, %(bytes)s::bigint FROM key JOIN paid ON paid.api_key_id = key.id
        ON CONFLICT (api_key_id, window_start)
            DO UPDATE SET count = bucket.count + excluded.count, bytes = bucket.bytes + excluded.bytes
        RETURNING count
    ),
"""  # noqa: S608 - made of constants


class RatePolicy(enum.Enum):
    """How a key's rate is kept: WINDOW refuses what does not fit into the running minute (contracts.md), TOKENS lets a
    batch in while the bucket is not empty, so that clients who give up after seconds wait for seconds only."""

    WINDOW = _COUNTED_IN_WINDOW
    TOKENS = _COUNTED_IN_TOKENS


def admission(*, is_patient: bool, rate: RatePolicy = RatePolicy.WINDOW) -> str:
    """Return the CTEs `key`, `counted` and `touched`, which admit a batch; the caller's statement goes on from there.

    They take what `Credential.values` gives, %(logs)s, %(bytes)s, %(retention_days)s and %(ingest_version)s. `key` is
    empty when the key admits nothing; `counted` is empty when the batch is above what the key may send, or the service
    keeps its logs for another time than the batch was checked against, or has other ingest rules. Select ADMITTED from
    `key`, for `admitted` to judge.

    FOR KEY SHARE: who deletes the key (or its environment, service or organisation) waits for this transaction, and
    so meets its logs. If it is just being deleted, `is_patient` says whether to wait (two seconds). The
    bucket is the one row that batches of the same key meet at: run this last before COMMIT, so that it is locked for no
    longer than the commit takes. `touched` skips a row that another batch is touching.
    """
    return f"""
    key AS ({_LIVE_KEY} {_PATIENT if is_patient else _IMPATIENT}),
    {rate.value}
    touched AS (
        UPDATE api_keys SET last_used_at = statement_timestamp(), last_address = %(address)s::inet,
            last_protocol = %(protocol)s, last_client = %(client)s
        WHERE id = (
            SELECT k.id FROM api_keys k JOIN key ON key.id = k.id
            WHERE %(logs)s::int > 0
              AND (k.last_used_at IS NULL OR k.last_used_at < statement_timestamp() - interval '1 minute')
            FOR NO KEY UPDATE OF k SKIP LOCKED
        )
    )
    """  # noqa: S608 - made of constants


ADMITTED = """
    key.id, key.org_id, key.service_id, key.environment_id, key.retention_days, key.ingest_version, key.rate,
    key.is_bound, key.most_bytes, key.is_current,
    extract(epoch FROM key.window_start + interval '1 minute' - statement_timestamp()),
    (SELECT count FROM counted)
"""

TOUCH = """
    UPDATE api_keys SET last_used_at = statement_timestamp(), last_address = %(address)s::inet,
        last_protocol = %(protocol)s, last_client = %(client)s
    WHERE id = %(key)s AND (last_used_at IS NULL OR last_used_at < statement_timestamp() - interval '1 minute')
"""


# Anyone who reads the answer holds the key; what they learn of it is why it does not work.
REFUSAL = """
    SELECT coalesce(k.revoked_at <= statement_timestamp(), false), o.suspended_at IS NOT NULL,
           coalesce(k.expires_at <= statement_timestamp(), false), k.scopes, %(scope)s = ANY (k.scopes),
           k.origins IS NOT NULL AND NOT coalesce(%(origin)s = ANY (k.origins), false),
           k.id, k.org_id, k.service_id, k.environment_id
    FROM api_keys k JOIN orgs o ON o.id = k.org_id AND o.deleted_at IS NULL
    WHERE k.key_hash IN (%(key_hash)s, %(fallback_hash)s)
"""


# Not while a batch of this key is under way: it holds a lock that the change of a unique column would wait for.
REHASH = """
    UPDATE api_keys SET key_hash = %(key_hash)s
    WHERE id = (SELECT id FROM api_keys WHERE key_hash = %(fallback_hash)s FOR UPDATE SKIP LOCKED)
"""


# Of a body that was read in vain. The key may be gone by now.
COUNT_BYTES = """
    INSERT INTO api_key_rate_buckets AS bucket (api_key_id, window_start, bytes)
    SELECT id, date_trunc('minute', statement_timestamp()), %s FROM api_keys WHERE id = %s FOR KEY SHARE
    ON CONFLICT (api_key_id, window_start) DO UPDATE SET bytes = bucket.bytes + excluded.bytes
"""
