"""OpenTelemetry's protocol over HTTP, in its two encodings.

Sources: opentelemetry-proto, docs/specification.md and the .proto files; the data model of logs for severities.
"""
