docker run \
  --log-driver splunk \
  --log-opt splunk-url=https://pulseops.example \
  --log-opt splunk-token=pol_YOUR_KEY \
  --log-opt splunk-gzip=true \
  --log-opt mode=non-blocking \
  alpine echo 'Hello from Docker'
