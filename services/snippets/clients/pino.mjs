import pino from "pino";

const logger = pino({
  transport: {
    target: "pino-loki",
    options: {
      host: "https://pulseops.example",
      basicAuth: { username: "any", password: "pol_YOUR_KEY" },
      labels: { service: "shop" },
    },
  },
});

logger.info({ user: "ada" }, "Hello from pino");
