// data-live="url": rows that come in, asked for there with the page's query, are put on top of the list. It waits while somebody reads (scrolled down, text selected,
// a log open), asks less often in a hidden tab or when the server fails, and keeps at most a thousand rows.
const EVERY = 2000, HIDDEN = 30000, MOST = 60000, GIVE_UP = 20000; // milliseconds
const ROWS = 1000;

let timer = 0;
let wait = EVERY;
let asked = 0; // only the answer to the last question counts
let held = []; // rows that wait until somebody looks

function parts() {
  const bar = document.querySelector("[data-live]");
  return { bar, list: document.querySelector("[data-logs]"), words: bar?.querySelector("[data-live-words]"), show: bar?.querySelector("[data-live-show]") };
}

function isReading() {
  const selection = getSelection();
  return scrollY > 200 || document.querySelector("[data-drawer-close]") !== null || (selection !== null && !selection.isCollapsed);
}

const logs = (list) => [...list.querySelectorAll("[data-log]")];

function put(list, rows) {
  for (const row of rows) {
    row.classList.add("is-new");
    // Late lines have their place further down: newest first, as the server sorts them.
    const before = logs(list).find((each) => precedes(row.dataset.log, each.dataset.log));
    list.insertBefore(row, before ?? null);
  }
  globalThis.htmx?.process(list);
  while (list.children.length > ROWS) list.lastElementChild.remove();
  nameDays(list);
}

// A line between two days, and over rows of another day than today, or of a sender whose clock is ahead.
function nameDays(list) {
  for (const line of list.querySelectorAll(".log-day")) line.remove();
  let day = "";
  for (const row of logs(list)) {
    const own = row.dataset.day ?? "";
    if (own !== day) row.before(Object.assign(document.createElement("li"), { className: "log-day", textContent: own || list.dataset.today }));
    day = own;
  }
}

function precedes(a, b) {
  const cut = (address) => address.split(/(?<=\d)-/).map(BigInt);
  const [[ta, ia], [tb, ib]] = [cut(a), cut(b)];
  return ta > tb || (ta === tb && ia > ib);
}

function release({ bar, list, show, words }) {
  put(list, held);
  held = [];
  show.hidden = true;
  bar.removeAttribute("data-waiting");
  words.textContent = "Following what comes in.";
}

function take(rows, all) {
  const known = new Set([...logs(all.list), ...held].map((row) => row.dataset.log));
  const fresh = rows.filter((row) => !known.has(row.dataset.log));
  if (fresh.length) document.querySelector("[data-empty-live]")?.remove();
  held = [...fresh.reverse(), ...held].slice(0, ROWS);
  if (!held.length) return;
  if (isReading()) {
    all.show.hidden = false;
    all.show.textContent = `${held.length} new`;
  } else {
    release(all);
  }
}

async function poll() {
  const all = parts();
  if (!all.bar || !all.list) return;
  const question = ++asked;
  const isOld = () => question !== asked || !all.bar.isConnected; // another was asked, or the list is another
  all.bar.dataset.liveAsking = "";
  try {
    const response = await ask(all.bar.dataset);
    const text = await response.text();
    if (isOld()) return;
    const template = document.createElement("template");
    template.innerHTML = text;
    all.bar.dataset.liveAfter = response.headers.get("X-Logs-Newest") ?? all.bar.dataset.liveAfter;
    take([...template.content.querySelectorAll("[data-log]")], all);
    const gap = response.headers.get("X-Logs-Gap") === "1";
    all.bar.toggleAttribute("data-waiting", held.length > 0);
    all.words.textContent = held.length ? "Waiting while you read." : gap ? "Following; more comes in than can be shown." : "Following what comes in.";
    wait = EVERY;
  } catch {
    if (isOld()) return;
    wait = Math.min(wait * 2, MOST);
    all.words.textContent = `The server does not answer; trying again in ${Math.round(wait / 1000)} s.`;
  }
  delete all.bar.dataset.liveAsking;
  schedule();
}

async function ask({ live, liveAfter }) {
  const url = new URL(live, location);
  url.search = new URL(document.querySelector("[data-here]").dataset.here, location).search;
  url.searchParams.set("after", liveAfter);
  const { org = "", zone = "" } = document.body.dataset;
  const headers = { Accept: "text/html", "X-Page-Org": org, "X-Page-Zone": zone };
  const response = await fetch(url, { headers, redirect: "error", signal: AbortSignal.timeout(GIVE_UP) });
  if (!response.ok) throw new Error(String(response.status));
  return response;
}

function schedule() {
  clearTimeout(timer);
  if (parts().bar) timer = setTimeout(poll, document.hidden ? Math.max(wait, HIDDEN) : wait);
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-live-show]")) return;
  scrollTo({ top: 0 });
  release(parts());
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && parts().bar) poll();
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "explorer") return; // the drawer and the chart change by themselves
  held = [];
  schedule();
});
document.addEventListener("htmx:historyRestore", () => {
  held = [];
  schedule();
});
schedule();
