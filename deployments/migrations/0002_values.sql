-- From the statuses, integrations and deliveries of other software to the documented ones. Each step looks whether there
-- is anything for it to do.

-- The documented statuses are fewer; what they do not tell apart stays as the sender's own word.
DO $$
BEGIN
    IF EXISTS (SELECT FROM deployments WHERE status IN ('fail', 'in_progress', 'queued')) THEN
        ALTER TABLE deployments ADD COLUMN IF NOT EXISTS outcome text NOT NULL DEFAULT '';
        INSERT INTO adoption_notes (table_name, note)
        SELECT 'deployments', format('%s deployments that were %s are %s', count(*), status,
            CASE status WHEN 'fail' THEN 'failure' ELSE 'pending' END)
        FROM deployments WHERE status IN ('fail', 'in_progress', 'queued') GROUP BY status ORDER BY status;
        UPDATE deployments SET status = 'failure' WHERE status = 'fail';
        UPDATE deployments SET outcome = status, status = 'pending' WHERE status IN ('in_progress', 'queued');
    END IF;
END $$;

INSERT INTO adoption_notes (table_name, note)
SELECT 'deployments', format('%s deployments name no commit: theirs is empty', count(*))
FROM deployments WHERE commit_sha IS NULL HAVING count(*) > 0;
UPDATE deployments SET commit_sha = '' WHERE commit_sha IS NULL;

-- These integrations have no secret of their own yet: their hash is empty.
DO $$
DECLARE
    moved bigint;
BEGIN
    IF to_regclass('service_github_integrations') IS NULL THEN
        RETURN;
    END IF;
    ALTER TABLE github_integrations ADD COLUMN IF NOT EXISTS environment_mapping jsonb NOT NULL DEFAULT '{}';
    INSERT INTO github_integrations (id, service_id, repo_owner, repo_name, environment_mapping, webhook_secret_hash)
    SELECT id, service_id, repo_owner, repo_name, environment_mapping, '' FROM service_github_integrations
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS moved = ROW_COUNT;
    INSERT INTO adoption_notes (table_name, note)
    SELECT 'github_integrations', format('%s integrations come from service_github_integrations', moved) WHERE moved > 0;
    IF EXISTS (
        SELECT FROM service_github_integrations o
        WHERE NOT EXISTS (SELECT FROM github_integrations n WHERE n.id = o.id)
    ) THEN
        INSERT INTO adoption_notes (table_name, note) VALUES ('service_github_integrations',
            'Some of its services have another integration in github_integrations, which holds; the table is kept');
    ELSE
        DROP TABLE service_github_integrations;
    END IF;
END $$;

-- Deliveries with numbers get UUIDs that end in the number. A delivery is unique by GitHub's id alone now; if another
-- provider has used the same id, its name goes in front of it.
DO $$
DECLARE
    numbers text := pg_get_serial_sequence('webhook_deliveries', 'id');
BEGIN
    IF (SELECT atttypid FROM pg_attribute
        WHERE attrelid = 'webhook_deliveries'::regclass AND attname = 'id') <> 'uuid'::regtype THEN
        ALTER TABLE webhook_deliveries ALTER COLUMN id DROP DEFAULT;
        ALTER TABLE webhook_deliveries ALTER COLUMN id TYPE uuid
            USING ('00000000-0000-4000-8000-' || lpad(to_hex(id), 12, '0'))::uuid;
        IF numbers IS NOT NULL THEN
            EXECUTE 'DROP SEQUENCE ' || numbers;
        END IF;
    END IF;
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'webhook_deliveries'::regclass AND attname = 'provider') THEN
        INSERT INTO adoption_notes (table_name, row_key, column_name, old_value, note)
        SELECT 'webhook_deliveries', d.id::text, 'delivery_id', d.delivery_id, 'Another provider has used this id too'
        FROM webhook_deliveries d
        WHERE d.provider <> 'github'
            AND EXISTS (SELECT FROM webhook_deliveries o WHERE o.delivery_id = d.delivery_id AND o.id <> d.id);
        UPDATE webhook_deliveries d SET delivery_id = d.provider || ':' || d.delivery_id
        WHERE d.provider <> 'github'
            AND EXISTS (SELECT FROM webhook_deliveries o WHERE o.delivery_id = d.delivery_id AND o.id <> d.id);
    END IF;
END $$;
