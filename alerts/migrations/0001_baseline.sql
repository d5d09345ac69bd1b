-- The documented alert tables (schema.md), made where they are absent.
CREATE TABLE IF NOT EXISTS alert_rules (
    id bigserial PRIMARY KEY,
    org_id uuid REFERENCES orgs (id) ON DELETE CASCADE,
    service_id uuid REFERENCES services (id) ON DELETE CASCADE,
    environment_id uuid REFERENCES environments (id) ON DELETE CASCADE,
    name text NOT NULL,
    type text NOT NULL CHECK (type IN ('error_count', 'deployment_failure')),
    params_json jsonb NOT NULL DEFAULT '{}',
    severity text NOT NULL CHECK (severity IN ('low', 'med', 'high')),
    enabled boolean NOT NULL DEFAULT true,
    cooldown_seconds integer NOT NULL DEFAULT 300,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_alert_rules_org_enabled ON alert_rules (org_id, enabled);

CREATE TABLE IF NOT EXISTS alert_firings (
    id bigserial PRIMARY KEY,
    rule_id bigint REFERENCES alert_rules (id) ON DELETE CASCADE,
    fired_at timestamptz NOT NULL,
    resolved_at timestamptz,
    last_notified_at timestamptz,
    fingerprint text NOT NULL,
    UNIQUE (rule_id, fingerprint)
);
CREATE INDEX IF NOT EXISTS idx_alert_firings_rule_fired ON alert_firings (rule_id, fired_at DESC);
