"""/metrics for Prometheus: what this machine's processes have counted, and what stands in the database."""
