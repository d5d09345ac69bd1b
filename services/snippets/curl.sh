curl -sS 'https://pulseops.example/api/v1/logs/ingest' \
  -H 'x-api-key: pol_YOUR_KEY' \
  -H 'content-type: application/json' \
  -d '{"logs": [{"level": "info", "message": "Hello from curl", "meta": {"user": "ada"}}]}'
