-- Sessions on their way to signing in have no user yet.
ALTER TABLE sessions ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE sessions ALTER COLUMN id SET DEFAULT gen_random_uuid();

-- An audit row is written once. It goes only with its organisation (the cascade runs inside another trigger) or by
-- retention, which says so for its own transaction: SET LOCAL pulseops.audit_retention = 'on'.
CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        AND (pg_trigger_depth() > 1 OR current_setting('pulseops.audit_retention', true) = 'on') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit_logs is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
DROP TRIGGER IF EXISTS audit_logs_append_only ON audit_logs;
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE ON audit_logs
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
