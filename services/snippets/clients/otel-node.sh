export OTEL_SERVICE_NAME=shop
export OTEL_EXPORTER_OTLP_ENDPOINT=https://pulseops.example
export OTEL_EXPORTER_OTLP_HEADERS=x-api-key=pol_YOUR_KEY
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_LOGS_EXPORTER=otlp OTEL_TRACES_EXPORTER=none OTEL_METRICS_EXPORTER=none
node --require @opentelemetry/auto-instrumentations-node/register app.js
