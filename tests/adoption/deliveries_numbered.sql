-- The older variant of webhook_deliveries.
CREATE TABLE webhook_deliveries (
    id bigserial PRIMARY KEY,
    provider text NOT NULL,
    delivery_id text NOT NULL,
    event text NOT NULL,
    payload_hash text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider, delivery_id)
);
CREATE INDEX idx_webhook_deliveries_provider_id ON webhook_deliveries (provider, delivery_id);
INSERT INTO webhook_deliveries (provider, delivery_id, event, payload_hash, received_at) VALUES
    ('github', 'd-1', 'workflow_run', repeat('1', 64), '2025-03-01 10:00+00'),
    ('github', 'd-2', 'ping', repeat('2', 64), '2025-03-02 10:00+00'),
    ('gitlab', 'd-1', 'push', repeat('3', 64), '2025-03-03 10:00+00');
