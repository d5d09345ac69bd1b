-- Django's DatabaseCache, as `createcachetable` would make it; unlogged, because a cache may be lost in a crash.
CREATE UNLOGGED TABLE IF NOT EXISTS cache_entries (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS cache_entries_expires ON cache_entries (expires);
