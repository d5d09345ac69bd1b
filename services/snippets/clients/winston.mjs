import winston from "winston";
import LokiTransport from "winston-loki";

const loki = new LokiTransport({
  host: "https://pulseops.example",
  basicAuth: "any:pol_YOUR_KEY",
  labels: { service: "shop" },
  json: true,
  format: winston.format.json(),
});
const logger = winston.createLogger({ transports: [loki] });

logger.info("Hello from winston", { user: "ada" });
await loki.close(); // sends what is queued, before the program ends
