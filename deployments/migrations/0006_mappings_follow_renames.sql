-- The mappings of an integration name environments, as older installations wrote them. An environment that is renamed
-- takes its mappings along; otherwise its branches would silently stop deploying.
CREATE OR REPLACE FUNCTION rename_in_mapping(mapping jsonb, old_name text, new_name text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(
        jsonb_object_agg(key, CASE WHEN lower(value) = lower(old_name) THEN new_name ELSE value END), '{}'
    )
    FROM jsonb_each_text(mapping)
$$;
CREATE OR REPLACE FUNCTION rename_in_integrations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE github_integrations
    SET environment_mapping = rename_in_mapping(environment_mapping, OLD.name, NEW.name),
        environment_names = rename_in_mapping(environment_names, OLD.name, NEW.name)
    WHERE service_id = NEW.service_id
        AND jsonb_typeof(environment_mapping) = 'object' AND jsonb_typeof(environment_names) = 'object';
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER environments_rename_in_integrations AFTER UPDATE OF name ON environments
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION rename_in_integrations();
