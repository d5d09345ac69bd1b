-- Logs that are over, as blocks: what one environment logged in a stretch of time, column by column and compressed
-- (logs/storage/blocks/README.md). Like `logs` it has no foreign keys, and its key begins with the organisation.
CREATE TABLE log_blocks (
    id bigserial,
    org_id uuid NOT NULL,
    service_id uuid,
    environment_id uuid,
    start_ts timestamptz NOT NULL,
    end_ts timestamptz NOT NULL,
    received_from timestamptz NOT NULL,
    received_to timestamptz NOT NULL,
    count integer NOT NULL CHECK (count > 0),
    levels integer[] NOT NULL,
    text_sig bytea NOT NULL,
    id_sig bytea NOT NULL,
    ranges jsonb,
    narrow bytea NOT NULL,
    message bytea NOT NULL,
    meta bytea NOT NULL,
    trace bytea NOT NULL,
    request bytea NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT log_blocks_pkey PRIMARY KEY (org_id, id)
);
-- Each search looks at the signature of texts, so it lies in the row; the rest is compressed already.
ALTER TABLE log_blocks
    ALTER text_sig SET STORAGE PLAIN, ALTER ranges SET STORAGE MAIN, ALTER id_sig SET STORAGE EXTERNAL,
    ALTER narrow SET STORAGE EXTERNAL, ALTER message SET STORAGE EXTERNAL, ALTER meta SET STORAGE EXTERNAL,
    ALTER trace SET STORAGE EXTERNAL, ALTER request SET STORAGE EXTERNAL;
CREATE INDEX log_blocks_time_idx ON log_blocks (org_id, end_ts, start_ts) INCLUDE (count);
CREATE INDEX log_blocks_scope_idx ON log_blocks (org_id, service_id, environment_id, end_ts);
CREATE INDEX log_blocks_received_idx ON log_blocks (org_id, received_to);

-- As in 0005 and 0011, and what is sealed goes along.
CREATE OR REPLACE FUNCTION delete_logs_of_environment() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE org uuid := (SELECT org_id FROM services WHERE id = OLD.service_id);
BEGIN
    IF org IS NOT NULL THEN  -- else the service goes as well, and its own trigger deletes them
        PERFORM lock_moving_of_logs();
        DELETE FROM logs WHERE org_id = org AND service_id = OLD.service_id AND environment_id = OLD.id;
        DELETE FROM log_blocks WHERE org_id = org AND service_id = OLD.service_id AND environment_id = OLD.id;
        DELETE FROM log_counts WHERE org_id = org AND service_id = OLD.service_id AND environment_id = OLD.id;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION delete_logs_of_service() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM orgs WHERE id = OLD.org_id) THEN
        PERFORM lock_moving_of_logs();
        DELETE FROM logs WHERE org_id = OLD.org_id AND service_id = OLD.id;
        DELETE FROM log_blocks WHERE org_id = OLD.org_id AND service_id = OLD.id;
        DELETE FROM log_counts WHERE org_id = OLD.org_id AND service_id = OLD.id;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION delete_logs_of_org() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM lock_moving_of_logs();
    DELETE FROM logs WHERE org_id = OLD.id;
    DELETE FROM log_blocks WHERE org_id = OLD.id;
    DELETE FROM log_counts WHERE org_id = OLD.id;
    RETURN NULL;
END $$;
