import logging

from splunk_handler import SplunkHandler

handler = SplunkHandler(
    host="pulseops.example",
    port=443,
    protocol="https",
    token="pol_YOUR_KEY",
    index="main",
)
logging.getLogger("shop").addHandler(handler)
logging.getLogger("shop").setLevel(logging.INFO)

logging.getLogger("shop").info("Hello from splunk-handler")
