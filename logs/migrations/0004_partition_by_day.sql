-- `logs` becomes a table of one partition a day (of UTC). A table that has rows becomes the oldest partition as it is: rows
-- are not copied, but new indexes are built, which takes some 20 seconds a million rows, unless `manage.py prepare_adoption`
-- has built them.
--
-- What keeps it fit for being distributed by org_id (Citus): ids come from a sequence, there is neither a foreign key nor
-- a trigger on it, and org_id stands in its key. Triggers on environments, services and orgs delete what is theirs.
DO $$
DECLARE
    starts timestamptz := date_trunc('day', now() - interval '1 day', 'UTC');  -- the first day with a partition of its own
    next_id bigint := 1;
    old text;  -- what the table of before is called from now on
    found record;
BEGIN
    PERFORM set_config('maintenance_work_mem', '256MB', true), set_config('timezone', 'UTC', true);
    LOCK TABLE logs IN ACCESS EXCLUSIVE MODE;

    IF EXISTS (SELECT FROM logs) THEN
        -- The key has org_id. A log of a service is its organisation's; one of nobody is set aside.
        UPDATE logs SET org_id = s.org_id FROM services s WHERE logs.org_id IS NULL AND s.id = logs.service_id;
        IF EXISTS (SELECT FROM logs WHERE org_id IS NULL) THEN
            CREATE TABLE logs_of_nobody AS SELECT * FROM logs WHERE org_id IS NULL;
            DELETE FROM logs WHERE org_id IS NULL;
        END IF;
        SELECT date_trunc('day', greatest(max(ts), now()), 'UTC') + interval '1 day', max(id) + 1 INTO starts, next_id FROM logs;
        old := 'logs_before_' || to_char(starts, 'YYYYMMDD');

        FOR found IN SELECT conname FROM pg_constraint WHERE conrelid = 'logs'::regclass AND contype IN ('f', 'p') LOOP
            EXECUTE format('ALTER TABLE logs DROP CONSTRAINT %I', found.conname);
        END LOOP;
        DROP INDEX IF EXISTS logs_org_ts_idx, logs_message_fts_idx, logs_meta_gin_idx;
        FOR found IN SELECT indexname FROM pg_indexes
            WHERE schemaname = current_schema() AND tablename = 'logs' AND indexname IN ('logs_scope_ts_idx', 'logs_level_idx')
        LOOP
            EXECUTE format('ALTER INDEX %I RENAME TO %I', found.indexname, replace(found.indexname, 'logs', old));
        END LOOP;
        ALTER TABLE logs ALTER COLUMN id DROP IDENTITY IF EXISTS;
        ALTER TABLE logs ALTER COLUMN id DROP DEFAULT, ALTER COLUMN org_id SET NOT NULL;
        EXECUTE format('ALTER TABLE logs RENAME TO %I', old);
    ELSE
        DROP TABLE logs;
    END IF;
    DROP SEQUENCE IF EXISTS logs_id_seq;
    EXECUTE format('CREATE SEQUENCE logs_id_seq START %s', next_id);

    CREATE TABLE logs (
        id bigint NOT NULL DEFAULT nextval('logs_id_seq'),
        org_id uuid NOT NULL,
        service_id uuid,
        environment_id uuid,
        ts timestamptz NOT NULL,
        level text NOT NULL CONSTRAINT logs_level_check CHECK (level IN ('debug', 'info', 'warn', 'error')),
        message text NOT NULL,
        meta_json jsonb,
        trace_id text,
        request_id text,
        created_at timestamptz NOT NULL DEFAULT now(),
        -- Walked backwards, this is also the documented (org_id, ts DESC).
        CONSTRAINT logs_org_ts_idx PRIMARY KEY (org_id, ts, id)
    ) PARTITION BY RANGE (ts);
    ALTER SEQUENCE logs_id_seq OWNED BY logs.id;

    CREATE INDEX logs_scope_ts_idx ON logs (org_id, service_id, environment_id, ts DESC);
    CREATE INDEX logs_level_idx ON logs (org_id, level, ts DESC);
    -- The documented index of words, of errors alone: kept for every row it is more than half of what taking a log in
    -- costs, and the explorer finds any part of a word, which words cannot tell.
    CREATE INDEX logs_message_fts_idx ON logs USING gin (to_tsvector('simple', message)) WHERE level = 'error';
    CREATE INDEX logs_meta_gin_idx ON logs USING gin (meta_json jsonb_path_ops);
    -- Hashes are a third of the size of a b-tree over such ids, take ids of any length, and leave out the nulls.
    CREATE INDEX logs_trace_idx ON logs USING hash (trace_id);
    CREATE INDEX logs_request_idx ON logs USING hash (request_id);
    -- Alert rules count errors by when they were received.
    CREATE INDEX logs_error_received_idx ON logs (org_id, created_at) INCLUDE (environment_id) WHERE level = 'error';

    -- For times that no other partition has; the job keep_partitions moves them into days of their own.
    CREATE TABLE logs_default PARTITION OF logs DEFAULT;
    FOR found IN SELECT generate_series(starts, date_trunc('day', now(), 'UTC') + interval '2 days', interval '1 day') AS day LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF logs FOR VALUES FROM (%L) TO (%L)',
            'logs_' || to_char(found.day, 'YYYYMMDD'), found.day, found.day + interval '1 day');
    END LOOP;
    IF old IS NOT NULL THEN
        FOR found IN SELECT conname FROM pg_constraint
            WHERE conrelid = old::regclass AND contype = 'c' AND conname <> 'logs_level_check' AND pg_get_constraintdef(oid) LIKE '%level%'
        LOOP
            EXECUTE format('ALTER TABLE %I RENAME CONSTRAINT %I TO logs_level_check', old, found.conname);
        END LOOP;
        EXECUTE format('ALTER TABLE %I ALTER COLUMN id SET DEFAULT nextval(''logs_id_seq'')', old);
        -- `manage.py prepare_adoption` may have built the indexes ahead; a key has to be made one of the table's.
        IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('logs_ahead_key') AND indisvalid) THEN
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I PRIMARY KEY USING INDEX logs_ahead_key', old, old || '_pkey');
        END IF;
        EXECUTE format('ALTER TABLE logs ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', old, starts);
    END IF;
END $$;
