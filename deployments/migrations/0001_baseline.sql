-- The documented deployment tables (schema.md), made where they are absent.
CREATE TABLE IF NOT EXISTS deployments (
    id bigserial PRIMARY KEY,
    org_id uuid REFERENCES orgs (id) ON DELETE CASCADE,
    service_id uuid REFERENCES services (id) ON DELETE CASCADE,
    environment_id uuid REFERENCES environments (id),
    commit_sha text NOT NULL,
    commit_message text,
    author text,
    branch text,
    status text NOT NULL CHECK (status IN ('pending', 'success', 'failure')),
    github_delivery_id text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_deployments_org_svc_ts ON deployments (org_id, service_id, created_at DESC);

CREATE TABLE IF NOT EXISTS github_integrations (
    id uuid PRIMARY KEY,
    service_id uuid UNIQUE REFERENCES services (id) ON DELETE CASCADE,
    repo_owner text NOT NULL,
    repo_name text NOT NULL,
    webhook_secret_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS webhook_deliveries (
    id uuid PRIMARY KEY,
    delivery_id text NOT NULL UNIQUE,
    integration_id uuid REFERENCES github_integrations (id),
    event_type text NOT NULL,
    payload_hash text,
    created_at timestamptz NOT NULL DEFAULT now()
);
