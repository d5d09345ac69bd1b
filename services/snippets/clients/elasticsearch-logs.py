from datetime import datetime, timezone

from elasticsearch import Elasticsearch, helpers

client = Elasticsearch("https://pulseops.example:443/es", api_key="pol_YOUR_KEY")
log = {
    "@timestamp": datetime.now(timezone.utc),
    "log.level": "info",
    "message": "Hello from elasticsearch",
    "user": "ada",
}
helpers.bulk(client, [{"_index": "logs", "_source": log}])
