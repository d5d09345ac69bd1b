-- The documented incident tables (schema.md), made where they are absent.
CREATE TABLE IF NOT EXISTS incidents (
    id bigserial PRIMARY KEY,
    org_id uuid REFERENCES orgs (id) ON DELETE CASCADE,
    service_id uuid REFERENCES services (id) ON DELETE CASCADE,
    environment_id uuid REFERENCES environments (id) ON DELETE CASCADE,
    title text NOT NULL,
    description text,
    severity text NOT NULL CHECK (severity IN ('low', 'med', 'high')),
    status text NOT NULL CHECK (status IN ('open', 'investigating', 'resolved')),
    source text NOT NULL CHECK (source IN ('alert', 'manual', 'deployment')),
    fingerprint text,
    rule_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz
);
CREATE INDEX IF NOT EXISTS idx_incidents_org_status_ts ON incidents (org_id, status, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_incidents_org_svc_env_ts
    ON incidents (org_id, service_id, environment_id, created_at DESC);

CREATE TABLE IF NOT EXISTS incident_events (
    id bigserial PRIMARY KEY,
    incident_id bigint REFERENCES incidents (id) ON DELETE CASCADE,
    actor_user_id uuid REFERENCES users (id),
    type text NOT NULL,
    message text NOT NULL,
    meta_json jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_incident_events_incident_ts ON incident_events (incident_id, created_at);
