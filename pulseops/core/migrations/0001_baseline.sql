-- The documented table of job runs (schema.md), made where it is absent.
CREATE TABLE IF NOT EXISTS cron_runs (
    id bigserial PRIMARY KEY,
    job_name text NOT NULL,
    status text NOT NULL,
    duration_ms integer,
    meta_json jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);
