aws firehose create-delivery-stream --delivery-stream-name pulseops --http-endpoint-destination-configuration '{
  "EndpointConfiguration": {"Name": "PulseOps", "Url": "https://pulseops.example/firehose", "AccessKey": "pol_YOUR_KEY"},
  "RequestConfiguration": {"ContentEncoding": "GZIP"},
  "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
  "S3BackupMode": "FailedDataOnly",
  "RoleARN": "'"$ROLE_ARN"'",
  "S3Configuration": {"RoleARN": "'"$ROLE_ARN"'", "BucketARN": "'"$BUCKET_ARN"'"}
}'
