# Where PulseOps runs: ports of this key
SYSLOG_LISTENERS="
  tcp://0.0.0.0:5514?key=pol_YOUR_KEY
  udp://0.0.0.0:5514?key=pol_YOUR_KEY&from=10.0.0.0/8
  gelf+tcp://0.0.0.0:12201?key=pol_YOUR_KEY
  gelf+udp://0.0.0.0:12201?key=pol_YOUR_KEY&from=10.0.0.0/8"

# Where the logs are
logger -n pulseops.example -P 5514 -T --rfc5424 --octet-count 'Hello from syslog'
docker run --log-driver gelf --log-opt gelf-address=udp://pulseops.example:12201 alpine echo 'Hello from Docker'
