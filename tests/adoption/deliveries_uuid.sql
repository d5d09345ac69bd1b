-- The newer variant of webhook_deliveries; its installations have one migration more.
CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider text NOT NULL,
    delivery_id text NOT NULL,
    event text NOT NULL,
    payload_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_webhook_delivery_provider_id UNIQUE (provider, delivery_id)
);
CREATE INDEX idx_webhook_deliveries_created_at ON webhook_deliveries (created_at);
INSERT INTO schema_migrations (id) VALUES ('0012_step');
INSERT INTO webhook_deliveries (provider, delivery_id, event, payload_hash, created_at) VALUES
    ('github', 'd-1', 'workflow_run', repeat('1', 64), '2025-03-01 10:00+00'),
    ('github', 'd-2', 'ping', repeat('2', 64), '2025-03-02 10:00+00'),
    ('gitlab', 'd-1', 'push', repeat('3', 64), '2025-03-03 10:00+00');
