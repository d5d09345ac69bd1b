-- deployments.environment_id and webhook_deliveries.integration_id have no ON DELETE in schema.md, so nobody could delete
-- an environment that was ever deployed to, nor a service whose integration ever heard from GitHub. Before the parent goes,
-- its rows go. The parent is locked exclusively by then: whoever is just adding a row is waited for, and the row seen.
CREATE OR REPLACE FUNCTION delete_deployments_of_environment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM deployments WHERE environment_id = OLD.id;
    RETURN OLD;
END $$;
CREATE OR REPLACE TRIGGER environments_delete_deployments BEFORE DELETE ON environments
    FOR EACH ROW EXECUTE FUNCTION delete_deployments_of_environment();

CREATE OR REPLACE FUNCTION delete_deliveries_of_integration() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM webhook_deliveries WHERE integration_id = OLD.id;
    RETURN OLD;
END $$;
CREATE OR REPLACE TRIGGER github_integrations_delete_deliveries BEFORE DELETE ON github_integrations
    FOR EACH ROW EXECUTE FUNCTION delete_deliveries_of_integration();
