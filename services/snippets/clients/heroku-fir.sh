heroku telemetry:add https://pulseops.example --app shop \
  --signals logs --transport http --headers '{"x-api-key": "pol_YOUR_KEY"}'
