curl -sS --fail-with-body --retry 5 'https://pulseops.example/api/v1/logs/ingest' \
  -H 'x-api-key: pol_YOUR_KEY' \
  -H 'content-type: application/json' \
  -d '{"logs": [
    {"level": "info", "message": "Hello from curl", "meta": {"user": "ada"}},
    {"level": "debug", "message": "A batch may hold up to 5,000 logs"}
  ]}'
