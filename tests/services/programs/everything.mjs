// Logs much and odd things, and then fails.
import { PulseOps } from "./pulseops.mjs";

const log = new PulseOps({ url: process.env.URL, key: "pol_test" });
for (let i = 0; i < 1200; i++) log.info("line", { i });
const failure = new Error("outer", { cause: new TypeError("inner") });
log.error("failed", failure, { trace_id: "t1", request_id: 7 });
log.error(failure);
log.info("odd", { nan: NaN, fine: 7, trace_id: null, request_id: undefined });
let deep = "LEAF";
for (let i = 0; i < 50; i++) deep = { deep };
const circle = {};
circle.self = circle;
log.debug("deep", { deep, big: 10n ** 500n, circle });
log.info("broken", { get broken() { throw new Error("no value"); }, fine: 7 });
log.info("broken too", { inner: { get broken() { throw new Error("no value"); } } }, null, undefined);
log.info(Object.create(null), null);
log.info("large", { text: "x".repeat(3_000_000) });
log.info("many", Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`field ${i}`, i])));
log.warn("");
log.info("last");
throw new Error("uncaught");
