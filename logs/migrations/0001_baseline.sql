-- The documented table of logs (schema.md), made where it is absent.
CREATE TABLE IF NOT EXISTS logs (
    id bigserial PRIMARY KEY,
    org_id uuid REFERENCES orgs (id) ON DELETE CASCADE,
    service_id uuid REFERENCES services (id) ON DELETE CASCADE,
    environment_id uuid REFERENCES environments (id) ON DELETE CASCADE,
    ts timestamptz NOT NULL,
    level text NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),
    message text NOT NULL,
    meta_json jsonb,
    trace_id text,
    request_id text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS logs_scope_ts_idx ON logs (org_id, service_id, environment_id, ts DESC);
CREATE INDEX IF NOT EXISTS logs_org_ts_idx ON logs (org_id, ts DESC);
CREATE INDEX IF NOT EXISTS logs_level_idx ON logs (org_id, level, ts DESC);
CREATE INDEX IF NOT EXISTS logs_message_fts_idx ON logs USING gin (to_tsvector('simple', message));
CREATE INDEX IF NOT EXISTS logs_meta_gin_idx ON logs USING gin (meta_json);
