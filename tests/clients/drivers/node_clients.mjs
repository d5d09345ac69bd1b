// Runs loggers of npm, each as its own documentation has it: an error with two fields and, where it can be said, a trace.
// A line of stdin: {"url": …, "keys": {client: key}, "sockets": {client: the address of a port of its own},
// "modules": a folder with node_modules, "patience": seconds}; one of stdout: client → [from, until], the microseconds between which its log was made, or what went wrong. Then it waits until
// stdin ends, for clients that send from a thread.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const input = createInterface({ input: process.stdin });
const told = JSON.parse(await new Promise((resolve) => input.once("line", resolve)));
const require = createRequire(pathToFileURL(`${told.modules}/clients.cjs`));
const { hostname, port } = new URL(told.url);
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736", SPAN = "00f067aa0ba902b7";
const MESSAGE = "charge failed", FIELDS = { order: 4711, customer: "ada" };
const ended = (stream) => new Promise((resolve) => (stream.once("close", resolve), stream.end()));
console.log = console.error; // some of them print
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function otel(kind, key) {
  const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${kind}`);
  const { LoggerProvider, BatchLogRecordProcessor } = require("@opentelemetry/sdk-logs");
  const { trace, ROOT_CONTEXT } = require("@opentelemetry/api");
  const exporter = new OTLPLogExporter({ url: `${told.url}/v1/logs`, headers: { "x-api-key": key }, compression: "gzip" });
  const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] });
  const context = trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId: SPAN, traceFlags: 1 });
  const milliseconds = Date.now();
  provider.getLogger("shop").emit({ severityNumber: 17, body: MESSAGE, attributes: FIELDS, context, timestamp: milliseconds });
  await provider.shutdown();
  return [milliseconds * 1000, milliseconds * 1000];
}

// pino's transports run in a thread of their own.
async function pino(target, options, fields = {}) {
  const make = require("pino");
  const stream = make.transport({ target: require.resolve(target), options });
  const since = Date.now();
  make({}, stream).error({ ...FIELDS, trace_id: TRACE, ...fields }, MESSAGE);
  return [since * 1000, Date.now() * 1000];
}

async function winston(transport, done) {
  const { createLogger } = require("winston");
  const logger = createLogger({ transports: [transport] });
  const since = Date.now();
  logger.error(MESSAGE, { ...FIELDS, trace_id: TRACE });
  const until = Date.now() + 1;
  await done(logger);
  return [since * 1000, until * 1000];
}

async function elasticClient(key) {
  const { Client } = require("@elastic/elasticsearch");
  const client = new Client({ node: `${told.url}/es`, auth: { apiKey: key } });
  const at = new Date();
  const document = { "@timestamp": at.toISOString(), "log.level": "error", message: MESSAGE, trace: { id: TRACE }, ...FIELDS };
  const { errors } = await client.bulk({ operations: [{ create: { _index: "logs" } }, document] });
  if (errors) throw new Error("an item was refused");
  await client.close();
  return [at.getTime() * 1000, at.getTime() * 1000];
}

async function winstonLoki(key, json) {
  const LokiTransport = require("winston-loki");
  const { format } = require("winston");
  const transport = new LokiTransport({ host: told.url, basicAuth: `any:${key}`, labels: { app: "shop" }, json, interval: 1, format: format.json() });
  return winston(transport, () => transport.flush());
}

async function winstonElastic(key) {
  const { Client } = require("@elastic/elasticsearch");
  const { ElasticsearchTransport } = require("winston-elasticsearch");
  const client = new Client({ node: `${told.url}/es`, auth: { username: "any", password: key } });
  const transport = new ElasticsearchTransport({ client, level: "info", flushInterval: 50 });
  transport.on("error", (error) => { throw error; });
  return winston(transport, () => {}); // it sends by itself, soon
}

// Splunk's client gives up when a connection takes 10 seconds, which it may while others load.
function patientNeedle() {
  require(require.resolve("needle", { paths: [require.resolve("splunk-logging")] })).defaults({ open_timeout: 0 });
}

async function splunkLogging(key) {
  patientNeedle();
  const { Logger } = require("splunk-logging");
  const logger = new Logger({ token: key, url: told.url });
  const since = Date.now();
  await new Promise((resolve, reject) => {
    logger.error = reject;
    logger.send({ message: { message: MESSAGE, trace_id: TRACE, ...FIELDS }, severity: "error" }, (error, _response, body) =>
      error || body.code ? reject(error ?? new Error(body.text)) : resolve());
  });
  return [since * 1000 - 1000, Date.now() * 1000];
}

async function winstonSplunk(key) {
  const SplunkTransport = require("winston-splunk-httplogger");
  patientNeedle();
  const transport = new SplunkTransport({ splunk: { token: key, url: told.url, maxBatchCount: 1 } });
  const sent = new Promise((resolve, reject) => (transport.once("logged", () => pause(200).then(resolve)), transport.once("error", reject)));
  return winston(transport, () => sent);
}

async function pinoDatadog(key) {
  const transport = require("pino-datadog-transport");
  const { client } = require("@datadog/datadog-api-client");
  const stream = await transport.default({
    ddClientConf: { authMethods: { apiKeyAuth: key }, baseServer: new client.BaseServerConfiguration(told.url, {}) },
    ddServerConf: {},
    service: "shop",
  });
  const since = Date.now();
  require("pino")({}, stream).error({ ...FIELDS, trace_id: TRACE }, MESSAGE);
  const until = Date.now();
  await ended(stream);
  return [since * 1000, until * 1000];
}

async function bunyan(key) {
  const lines = [];
  const logger = require("bunyan").createLogger({ name: "shop", streams: [{ stream: { write: (line) => lines.push(line) } }] });
  const since = Date.now();
  logger.error({ ...FIELDS, trace_id: TRACE }, MESSAGE);
  const until = Date.now();
  const answer = await fetch(`${told.url}/drains/http`, { method: "POST", headers: { "x-api-key": key }, body: lines.join("") });
  if (!answer.ok) throw new Error(await answer.text());
  return [since * 1000, until * 1000];
}

// gelf-pro is one object for the whole program, so each gets a copy of its own.
async function gelfPro(adapterName, name) {
  for (const path of Object.keys(require.cache)) if (path.includes("/gelf-pro/")) delete require.cache[path];
  const gelf = require("gelf-pro");
  const { hostname: host, port } = new URL(told.sockets[name]);
  gelf.setConfig({ adapterName, adapterOptions: { host, port: Number(port) } });
  const since = Date.now();
  await new Promise((resolve, reject) => gelf.error(MESSAGE, { ...FIELDS, trace_id: TRACE }, (error) => (error ? reject(error) : resolve())));
  return [since * 1000, Date.now() * 1000];
}

async function winstonSyslog(name) {
  const { Syslog } = require("winston-syslog");
  const { hostname: host, port } = new URL(told.sockets[name]);
  const transport = new Syslog({ host, port, protocol: "udp4", type: "5424", app_name: "shop" });
  return winston(transport, () => {}); // it sends once its socket is open, and does not say so
}

const loki = (key) => ({ host: told.url, basicAuth: { username: "any", password: key }, labels: { app: "shop" }, batching: false });
const CLIENTS = {
  "otlp-http": (key) => otel("http", key),
  "otlp-proto": (key) => otel("proto", key),
  "pino-opentelemetry-transport": (key) =>
    pino("pino-opentelemetry-transport", {
      logRecordProcessorOptions: [{
        recordProcessorType: "simple",
        exporterOptions: { protocol: "http", httpExporterOptions: { url: `${told.url}/v1/logs`, headers: { "x-api-key": key } } },
      }],
      loggerName: "shop", serviceVersion: "1", resourceAttributes: {},
    }, { span_id: SPAN, trace_flags: "01" }),
  "pino-loki": (key) => pino("pino-loki", loki(key)),
  "winston-loki, JSON": (key) => winstonLoki(key, true),
  "winston-loki, protobuf": (key) => winstonLoki(key, false),
  "@elastic/elasticsearch": elasticClient,
  "pino-elasticsearch": (key) =>
    pino("pino-elasticsearch", { node: `${told.url}/es`, index: "logs", esVersion: 8, auth: { username: "any", password: key }, flushInterval: 50 }),
  "winston-elasticsearch": winstonElastic,
  "splunk-logging": splunkLogging,
  "winston-splunk-httplogger": winstonSplunk,
  "pino-datadog-transport": pinoDatadog,
  bunyan,
  "gelf-pro, TCP": (_key, name) => gelfPro("tcp", name),
  "gelf-pro, UDP": (_key, name) => gelfPro("udp", name),
  "winston-syslog": (_key, name) => winstonSyslog(name),
};

const outcome = {};
const within = (promise, ms) => Promise.race([promise, pause(ms).then(() => Promise.reject(new Error(`it took too long ${outcome[""] ?? ""}`)))]);
process.on("uncaughtException", (error) => (outcome[""] = String(error.stack)));
process.on("unhandledRejection", (error) => (outcome[""] = String(error.stack)));
// All are begun before the time of the first is counted: what they load keeps the one thread that they share.
const begun = Object.entries(told.keys).map(([name, key]) => [name, CLIENTS[name](key, name)]);
await Promise.all(begun.map(async ([name, running]) => {
  try {
    outcome[name] = await within(running, told.patience * 1_000);
  } catch (error) {
    outcome[name] = String(error.stack ?? error);
  }
}));
input.once("close", () => process.exit(0));
process.stdout.write(`${JSON.stringify(outcome)}\n`);
