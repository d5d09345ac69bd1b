// Sends logs to PulseOps from Node 18 or newer, without packages. Save it as pulseops.mjs and try it: node pulseops.mjs
// In your program: import { log } from "./pulseops.mjs"; log.warn("Refused", { user: 7 }); log.error("No", error);
// A signal ends Node without a word: process.on("SIGTERM", () => process.exit()) lets the last logs be sent.
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { inspect, types } from "node:util";

const INGEST_URL = "https://pulseops.example/api/v1/logs/ingest";
const API_KEY = "pol_YOUR_KEY";
const DEPTH = 28; // of a field; what is nested deeper becomes text

// Queues logs and posts them in batches. A batch is gathered for `interval` milliseconds, and sent again until it is
// taken, as long as the queue has room. The end of the program waits for its last logs, at most `patience` milliseconds.
export class PulseOps {
  #queue = [];
  #batch; // that is being sent
  #sending;
  #dropped = 0;
  #flushing = 0;
  #wake = () => {};
  #ending;

  constructor({
    url = INGEST_URL, key = API_KEY, capacity = 10_000, batch = 500, interval = 1000, patience = 70_000,
  } = {}) {
    Object.assign(this, { url, key, capacity, batch, patience });
    setInterval(() => this.#send(), interval).unref();
    process.on("beforeExit", () => this.#end());
    process.on("exit", () => this.#sendFromAnotherProcess()); // after process.exit() or an uncaught error
  }

  // `details` are objects of fields, and errors.
  debug(message, ...details) { this.#add("debug", message, details); }
  info(message, ...details) { this.#add("info", message, details); }
  warn(message, ...details) { this.#add("warn", message, details); }
  error(message, ...details) { this.#add("error", message, details); }

  // Sends at once what waits, and waits for it.
  async flush() {
    this.#flushing += 1;
    this.#wake();
    await this.#send();
    this.#flushing -= 1;
  }

  #add(level, message, details) {
    if (this.#queue.length >= this.capacity) { this.#dropped += 1; return; }
    const entry = { timestamp: Date.now(), level, message: text(message).slice(0, 60_000) || "(empty)" };
    this.#queue.push(encoded(entry, isError(message) ? [message, ...details] : details));
    if (this.#queue.length >= this.batch) this.#send();
  }

  #send() {
    this.#sending ??= this.#drain().finally(() => { this.#sending = undefined; });
    return this.#sending;
  }

  async #drain() {
    while (this.#queue.length && !this.hasGivenUp) {
      this.#batch = this.#take();
      const problem = await deliver(this, this.#batch, (...args) => this.#pause(...args));
      if (problem && !this.hasGivenUp) complain(this.#batch, problem);
      this.#batch = undefined;
    }
    if (this.#dropped) console.error(`PulseOps: ${this.#dropped} logs were dropped, the queue was full`);
    this.#dropped = 0;
    clearTimeout(this.#ending);
  }

  #take() {
    let count = 0, size = 0;
    while (count < Math.min(this.batch, this.#queue.length) && size < 1_000_000) size += this.#queue[count++].length;
    // A batch that is sent again is known by its id, and stored once.
    return { id: randomUUID(), count, body: `{"logs":[${this.#queue.splice(0, count).join(",")}]}` };
  }

  // Waits before the next attempt, as long as the server asked or else longer each time; returns whether there is one.
  async #pause(attempt, asked, problem) {
    if (attempt > 5 && this.#queue.length >= this.capacity) return false;
    if (attempt === 5) console.error(`PulseOps cannot be reached, logs wait: ${problem}`);
    if (asked || !this.#flushing) {
      const seconds = asked || Math.min(2 ** (attempt - 1), 10);
      await new Promise((resolve) => {
        setTimeout(resolve, seconds * 1000).unref();
        if (!asked) this.#wake = resolve;
      });
    }
    if (this.#flushing && !asked) await new Promise((resolve) => { setTimeout(resolve, 500); });
    return !this.hasGivenUp;
  }

  // The program has nothing else to do: go on until all is sent, but not for ever.
  #end() {
    if (this.hasGivenUp || !(this.#queue.length || this.#batch)) return;
    this.#ending = setTimeout(() => {
      this.hasGivenUp = true;
      const count = this.#queue.length + (this.#batch?.count ?? 0);
      console.error(`PulseOps did not take ${count} logs within ${this.patience / 1000} s`);
    }, this.patience);
    this.flush();
  }

  #sendFromAnotherProcess() {
    const batches = this.#batch ? [this.#batch] : [];
    while (this.#queue.length) batches.push(this.#take());
    if (this.hasGivenUp || !batches.length) return;
    const { url, key, patience } = this;
    const program = `${deliver}; ${complain}; (${sendAll})(JSON.parse(require("node:fs").readFileSync(0)), deliver)`;
    const input = JSON.stringify({ url, key, patience, batches });
    const done = spawnSync(process.execPath, ["-e", program], { input, stdio: ["pipe", "ignore", "inherit"] });
    if (done.status) console.error("PulseOps did not take the last logs");
  }
}

// Posts a batch until it is taken; returns nothing then, or else why it was not. Another process runs
// the text of this and of the two below.
async function deliver({ url, key }, { id, body }, pause) {
  const headers = {
    "x-api-key": key,
    "content-type": "application/json",
    prefer: "handling=lenient", // one bad entry must not cost the others
    "idempotency-key": id,
  };
  for (let attempt = 1; ; attempt += 1) {
    let problem, asked = 0;
    try {
      const response = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(10_000) });
      const answer = await response.text();
      const isPartial = /"rejected":\s*[1-9]/.test(answer);
      if (isPartial) console.error(`PulseOps did not take all of a batch: ${answer.slice(0, 3000)}`);
      if (response.ok) return "";
      problem = `${response.status} ${answer.slice(0, 300)}`;
      if (response.status < 500 && ![408, 429].includes(response.status)) return problem;
      asked = Math.min(Number(response.headers.get("retry-after")) || 0, 60);
    } catch (error) {
      problem = error.cause?.message ?? error.message;
    }
    if (!(await pause(attempt, asked, problem))) return problem;
  }
}

async function sendAll({ batches, patience, ...options }, deliver) {
  const end = Date.now() + patience;
  const pause = async (_, asked) => {
    const wait = Math.min(asked * 1000 || 500, end - Date.now());
    await new Promise((resolve) => { setTimeout(resolve, wait); });
    return wait > 0;
  };
  for (const batch of batches) {
    const problem = await deliver(options, batch, pause);
    if (problem) complain(batch, problem);
  }
}

function complain({ count }, problem) {
  console.error(`PulseOps did not take ${count} logs: ${problem}`);
}

// Returns the line of JSON for an entry; whatever stands in it, the program goes on.
function encoded(entry, details) {
  try {
    const { trace_id, request_id, ...meta } = fieldsOf(details);
    for (const [name, value] of Object.entries({ trace_id, request_id })) {
      if (value !== undefined && value !== null && value !== "") entry[name] = text(value).slice(0, 200);
    }
    const line = JSON.stringify({ ...entry, meta });
    if (line.length < 500_000 && line.split('":').length < 900) return line; // as much as a log may have
    return JSON.stringify({ ...entry, meta: { fields: JSON.stringify(meta).slice(0, 60_000) } });
  } catch (error) {
    return JSON.stringify({ ...entry, meta: { fields: text(error) } });
  }
}

function fieldsOf(details) {
  const fields = Object.create(null), room = { left: 20_000 }; // values in a log
  for (const detail of details) {
    const value = plain(detail, room);
    if (isError(detail)) fields[fields.error ? "error_2" : "error"] = value;
    else if (value && typeof value === "object" && !Array.isArray(value)) Object.assign(fields, value);
    else if (value !== undefined && value !== null) fields.details = value;
  }
  return fields;
}

// Returns a value as JSON has it, and as text what JSON has not; `path` are the objects that it stands in.
function plain(value, room, path = []) {
  room.left -= 1;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value === null || ["string", "boolean", "undefined"].includes(typeof value)) return value;
  if (typeof value !== "object") return text(value); // functions too
  if (path.includes(value)) return "[circular]";
  if (room.left < 0 || path.length > 2 * DEPTH) return "…";
  try {
    if (path.length === DEPTH) return JSON.stringify(plain(value, room, [...path, undefined]));
    const inner = [...path, value];
    if (ArrayBuffer.isView(value)) return inspect(value);
    if (value instanceof Map) return members(value.entries(), room, inner);
    if (Array.isArray(value) || value instanceof Set) {
      return [...value].slice(0, room.left).map((each) => plain(each, room, inner) ?? null);
    }
    if (!isError(value) && typeof value.toJSON === "function") return plain(value.toJSON(), room, inner);
    const own = isError(value) ? ["name", "message", "stack", "cause", "errors"] : [];
    const names = new Set([...own, ...Object.keys(value)]);
    return members([...names].map((name) => [name, read(value, name)]), room, inner);
  } catch (error) {
    return `<${text(error)}>`;
  }
}

function members(entries, room, path) {
  const object = Object.create(null);
  for (const [name, value] of [...entries].slice(0, room.left)) object[text(name)] = plain(value, room, path);
  return object;
}

function read(object, name) {
  try {
    return object[name];
  } catch (error) {
    return `<${text(error)}>`;
  }
}

function isError(value) {
  return types.isNativeError(value) || value instanceof Error;
}

function text(value) {
  try {
    return typeof value === "object" && !isError(value) ? inspect(value, { breakLength: Infinity }) : String(value);
  } catch {
    return "<unreadable>";
  }
}

export const log = new PulseOps();
log.info("Hello from Node", { user: "ada" }); // leave this out when it works
