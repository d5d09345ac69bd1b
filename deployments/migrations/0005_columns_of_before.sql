-- What older installations called these too; absent in the documented schema.
ALTER TABLE deployments
    ADD COLUMN IF NOT EXISTS url text,
    ADD COLUMN IF NOT EXISTS started_at timestamptz,
    ADD COLUMN IF NOT EXISTS finished_at timestamptz,
    ADD COLUMN IF NOT EXISTS outcome text NOT NULL DEFAULT '';
ALTER TABLE github_integrations ADD COLUMN IF NOT EXISTS environment_mapping jsonb NOT NULL DEFAULT '{}';
