-- The documented notification tables (schema.md), made where they are absent. The casts let a check read the same after
-- pg_dump and pg_restore; without them PostgreSQL writes it differently each time.
CREATE TABLE IF NOT EXISTS notification_channels (
    id uuid PRIMARY KEY,
    org_id uuid REFERENCES orgs (id) ON DELETE CASCADE,
    type varchar(50) NOT NULL CHECK (type::text IN ('discord', 'slack')),
    config_json jsonb NOT NULL,
    enabled boolean DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_notification_channels_org_id ON notification_channels (org_id);

CREATE TABLE IF NOT EXISTS notification_jobs (
    id uuid PRIMARY KEY,
    org_id uuid REFERENCES orgs (id) ON DELETE CASCADE,
    type varchar(50) NOT NULL,
    payload_json jsonb NOT NULL,
    status varchar(50) NOT NULL CHECK (status::text IN ('pending', 'processing', 'sent', 'failed')),
    attempts integer DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_notification_jobs_status_next_attempt ON notification_jobs (status, next_attempt_at);
