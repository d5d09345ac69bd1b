-- How many logs a minute of their time, level and scope has. Each batch appends its own rows in its own transaction, so
-- batches have no row to fight over; the job merge_counts makes one row of each (is_merged). Nobody but these jobs and
-- retention changes a row. One organisation a row, as in `logs`, so it can be distributed the same way.
CREATE TABLE log_counts (
    id bigserial,
    org_id uuid NOT NULL,
    minute timestamptz NOT NULL,
    service_id uuid,
    environment_id uuid,
    level text NOT NULL,
    count integer NOT NULL,
    is_merged boolean NOT NULL DEFAULT false,
    CONSTRAINT log_counts_pkey PRIMARY KEY (org_id, minute, id)
);
CREATE INDEX log_counts_fresh_idx ON log_counts (org_id, minute) WHERE NOT is_merged;

INSERT INTO log_counts (org_id, minute, service_id, environment_id, level, count, is_merged)
SELECT org_id, date_trunc('minute', ts), service_id, environment_id, level, count(*), true FROM logs GROUP BY 1, 2, 3, 4, 5;

-- Environments, services and organisations take their logs and counts along. These fire after the foreign keys' own
-- triggers (by name), so the API keys are gone already: a batch that had one locked has committed by then and its logs are
-- seen, and no other can begin. The advisory lock keeps jobs out that move rows about, which a DELETE would miss.
CREATE FUNCTION lock_moving_of_logs() RETURNS void LANGUAGE sql AS
    $$ SELECT pg_advisory_xact_lock(7238104629501) $$;

CREATE FUNCTION delete_logs_of_environment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE org uuid := (SELECT org_id FROM services WHERE id = OLD.service_id);
BEGIN
    IF org IS NOT NULL THEN  -- else the service goes as well, and its own trigger deletes them
        PERFORM lock_moving_of_logs();
        DELETE FROM logs WHERE org_id = org AND service_id = OLD.service_id AND environment_id = OLD.id;
        DELETE FROM log_counts WHERE org_id = org AND service_id = OLD.service_id AND environment_id = OLD.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER delete_logs AFTER DELETE ON environments
    FOR EACH ROW EXECUTE FUNCTION delete_logs_of_environment();

CREATE FUNCTION delete_logs_of_service() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orgs WHERE id = OLD.org_id) THEN
        PERFORM lock_moving_of_logs();
        DELETE FROM logs WHERE org_id = OLD.org_id AND service_id = OLD.id;
        DELETE FROM log_counts WHERE org_id = OLD.org_id AND service_id = OLD.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER delete_logs AFTER DELETE ON services
    FOR EACH ROW EXECUTE FUNCTION delete_logs_of_service();

CREATE FUNCTION delete_logs_of_org() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_moving_of_logs();
    DELETE FROM logs WHERE org_id = OLD.id;
    DELETE FROM log_counts WHERE org_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER delete_logs AFTER DELETE ON orgs
    FOR EACH ROW EXECUTE FUNCTION delete_logs_of_org();
