-- The documented service tables (schema.md), made where they are absent.
CREATE TABLE IF NOT EXISTS services (
    id uuid PRIMARY KEY,
    org_id uuid REFERENCES orgs (id) ON DELETE CASCADE,
    name text NOT NULL,
    description text,
    repo_url text,
    retention_days integer NOT NULL DEFAULT 7,
    created_by uuid REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, name)
);
CREATE INDEX IF NOT EXISTS idx_services_org_created ON services (org_id, created_at DESC);

CREATE TABLE IF NOT EXISTS environments (
    id uuid PRIMARY KEY,
    service_id uuid REFERENCES services (id) ON DELETE CASCADE,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (service_id, name)
);
CREATE INDEX IF NOT EXISTS idx_environments_service ON environments (service_id);

CREATE TABLE IF NOT EXISTS api_keys (
    id uuid PRIMARY KEY,
    org_id uuid REFERENCES orgs (id) ON DELETE CASCADE,
    service_id uuid REFERENCES services (id) ON DELETE CASCADE,
    environment_id uuid REFERENCES environments (id) ON DELETE CASCADE,
    key_hash text NOT NULL UNIQUE,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_api_keys_org_service_env ON api_keys (org_id, service_id, environment_id);

CREATE TABLE IF NOT EXISTS api_key_rate_buckets (
    api_key_id uuid REFERENCES api_keys (id) ON DELETE CASCADE,
    window_start timestamptz,
    count integer NOT NULL DEFAULT 0,
    PRIMARY KEY (api_key_id, window_start)
);
