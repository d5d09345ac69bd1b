# --retry sends the batch again while PulseOps is away; by its own idempotency-key it is stored once all the same
curl -sS --fail-with-body --retry 6 --retry-connrefused 'https://pulseops.example/api/v1/logs/ingest' \
  -H 'x-api-key: pol_YOUR_KEY' \
  -H "idempotency-key: $(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" \
  -H 'content-type: application/json' \
  -d '{"logs": [
    {"level": "info", "message": "Hello from curl", "meta": {"user": "ada"}},
    {"level": "debug", "message": "A batch may hold up to 5,000 logs"}
  ]}'
