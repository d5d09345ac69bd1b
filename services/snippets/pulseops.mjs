// Sends logs to PulseOps from Node 18 or newer, without packages. Save it as pulseops.mjs and try it: node pulseops.mjs
// In your program: import { log } from "./pulseops.mjs"; log.warn("Card refused", { user: 7 });
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";

const INGEST_URL = "https://pulseops.example/api/v1/logs/ingest";
const API_KEY = "pol_YOUR_KEY";

export class PulseOps {
  #queue = [];
  #dropped = 0;
  #sending;

  constructor({ url = INGEST_URL, key = API_KEY, capacity = 10_000, batch = 500, interval = 1000 } = {}) {
    Object.assign(this, { url, key, capacity, batch });
    setInterval(() => this.flush(), interval).unref();
    process.on("beforeExit", () => this.flush());
  }

  debug(message, fields) { this.#add("debug", message, fields); }
  info(message, fields) { this.#add("info", message, fields); }
  warn(message, fields) { this.#add("warn", message, fields); }
  error(message, fields) { this.#add("error", message, fields); }

  // Waits until all is sent. The end of a program does so by itself; before process.exit() await it.
  flush() {
    if (!this.#queue.length) return this.#sending ?? Promise.resolve();
    this.#sending ??= this.#drain().finally(() => { this.#sending = undefined; });
    return this.#sending;
  }

  #add(level, message, { trace_id, request_id, ...meta } = {}) {
    if (this.#queue.length >= this.capacity) { this.#dropped += 1; return; }
    const entry = { timestamp: Date.now(), level, message: String(message).slice(0, 60_000) || "(empty)", meta };
    if (trace_id) entry.trace_id = String(trace_id);
    if (request_id) entry.request_id = String(request_id);
    this.#queue.push(encoded(entry));
    if (this.#queue.length >= this.batch) this.flush();
  }

  async #drain() {
    while (this.#queue.length) {
      const lines = this.#take();
      const problem = await this.#post(lines);
      if (problem) console.error(`PulseOps did not take ${lines.length} logs: ${problem}`);
    }
    if (this.#dropped) console.error(`PulseOps: ${this.#dropped} logs were dropped, the queue was full`);
    this.#dropped = 0;
  }

  #take() {
    let count = 0, size = 0;
    while (count < Math.min(this.batch, this.#queue.length) && size < 1_000_000) size += this.#queue[count++].length;
    return this.#queue.splice(0, count);
  }

  async #post(lines) {
    const request = {
      method: "POST",
      headers: {
        "x-api-key": this.key,
        "content-type": "application/json",
        prefer: "handling=lenient", // one bad entry must not cost the others
        "idempotency-key": randomUUID(), // a batch that is sent again is stored once
      },
      body: `{"logs":[${lines.join(",")}]}`,
    };
    let problem;
    for (let attempt = 0; attempt < 6; attempt += 1) {
      let wait = 2 ** attempt;
      try {
        const response = await fetch(this.url, { ...request, signal: AbortSignal.timeout(10_000) });
        const answer = await response.text();
        if (response.ok) return "";
        problem = `${response.status} ${answer.slice(0, 300)}`;
        if (response.status < 500 && ![408, 429].includes(response.status)) break;
        wait = Math.min(Number(response.headers.get("retry-after")) || wait, 60);
      } catch (error) {
        problem = error.cause?.message ?? error.message;
      }
      await sleep(wait * 1000);
    }
    return problem;
  }
}

function encoded(entry) {
  const plain = (_, value) => {
    if (value instanceof Error) return { ...value, name: value.name, message: value.message, stack: value.stack };
    return typeof value === "bigint" ? String(value) : value;
  };
  try {
    return JSON.stringify(entry, plain);
  } catch {
    return JSON.stringify({ ...entry, meta: { fields: inspect(entry.meta) } });
  }
}

export const log = new PulseOps();
log.info("Hello from Node", { user: "ada" }); // leave this out when it works
