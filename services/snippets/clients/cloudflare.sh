curl "https://api.cloudflare.com/client/v4/zones/$ZONE_ID/logpush/jobs" \
  -H "Authorization: Bearer $CLOUDFLARE_API_TOKEN" -H 'content-type: application/json' \
  -d '{
    "name": "pulseops",
    "dataset": "http_requests",
    "enabled": true,
    "destination_conf": "https://pulseops.example/drains/http?message=ClientRequestURI&time=EdgeStartTimestamp&header_x-api-key=pol_YOUR_KEY",
    "output_options": {
      "field_names": ["EdgeStartTimestamp", "ClientRequestMethod", "ClientRequestHost", "ClientRequestURI", "EdgeResponseStatus", "RayID"],
      "timestamp_format": "rfc3339"
    }
  }'
