// The histogram: a click on a bar or a drag over some zooms to their time, a double-click zooms out. By the keyboard it is one
// stop: arrows walk the bars, Shift takes several, Enter zooms. A bar is a link, which without a script does the same.
const LEAST = 6; // pixels: less is a click
const DOUBLE = 250; // milliseconds that a click waits, lest it be the first of a double-click

let drag = null; // { chart, from, to, isMoved }, in bars
let justDragged = false;
let waiting = 0;
let anchor = -1; // the bar where Shift began
let takesFocus = false;

const bars = (chart) => [...chart.querySelectorAll("a:has(> .chart__column)")];

// Where the query is too long to stand in a hundred links, a bar says its time alone.
function address(link) {
  const url = new URL(link.getAttribute("href") ?? document.querySelector("[data-here]").dataset.here, location);
  const [from, to] = link.dataset.span?.split("/") ?? [];
  if (from) url.searchParams.set("from", from);
  if (to) url.searchParams.set("to", to);
  return url;
}
const visit = (href) => document.dispatchEvent(new CustomEvent("visit", { detail: href }));

function chartOf(target) {
  return target.closest?.("[data-log-chart] [data-chart]");
}

function barAt(chart, x) {
  const box = chart.getBoundingClientRect();
  const count = bars(chart).length;
  return Math.min(Math.max(Math.floor(((x - box.left) / box.width) * count), 0), count - 1);
}

function paint(chart, from, to) {
  let area = chart.querySelector(".log-chart__drag");
  if (!area) {
    area = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    area.classList.add("log-chart__drag");
    chart.append(area);
  }
  const [first, last] = [Math.min(from, to), Math.max(from, to)];
  const [left, right] = [first, last].map((at) => bars(chart)[at].querySelector(".chart__column"));
  const end = parseFloat(right.getAttribute("x")) + parseFloat(right.getAttribute("width"));
  const hit = left.querySelector(".chart__hit");
  area.setAttribute("x", left.getAttribute("x"));
  area.setAttribute("width", `${end - parseFloat(left.getAttribute("x"))}%`);
  for (const name of ["y", "height"]) area.setAttribute(name, hit.getAttribute(name));
}

function clear(chart) {
  chart?.querySelector(".log-chart__drag")?.remove();
}

function zoom(chart, from, to) {
  const all = bars(chart);
  const url = address(all[Math.min(from, to)]);
  url.searchParams.set("to", address(all[Math.max(from, to)]).searchParams.get("to"));
  visit(url.href);
}

document.addEventListener("pointerdown", (event) => {
  const chart = chartOf(event.target);
  if (!chart || event.button !== 0 || event.pointerType === "touch" || !bars(chart).length) return;
  const at = barAt(chart, event.clientX);
  drag = { chart, x: event.clientX, from: at, to: at, isMoved: false };
});
document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  drag.isMoved ||= Math.abs(event.clientX - drag.x) >= LEAST;
  drag.to = barAt(drag.chart, event.clientX);
  if (drag.isMoved) paint(drag.chart, drag.from, drag.to);
});
document.addEventListener("pointerup", () => {
  const done = drag;
  drag = null;
  if (!done?.isMoved || !done.chart.isConnected) return;
  // The click that ends a drag comes at once, if it comes at all.
  justDragged = true;
  setTimeout(() => { justDragged = false; });
  zoom(done.chart, done.from, done.to);
});
function giveUp() {
  clear(drag?.chart);
  drag = null;
}
document.addEventListener("pointercancel", giveUp);
document.addEventListener("dragstart", (event) => {
  if (chartOf(event.target)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const chart = chartOf(event.target);
  const link = chart && event.target.closest("a");
  const at = link ? bars(chart).indexOf(link) : -1;
  if (!chart || event.ctrlKey || event.metaKey || event.shiftKey && event.detail) return;
  if (justDragged) return stop(event);
  if (at === -1) return;
  stop(event);
  takesFocus = event.detail === 0;
  if (takesFocus || event.pointerType === "touch") return zoom(chart, anchor === -1 ? at : anchor, at);
  clearTimeout(waiting);
  if (event.detail > 1) return;
  paint(chart, at, at);
  waiting = setTimeout(() => zoom(chart, at, at), DOUBLE);
}, { capture: true });

function stop(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

document.addEventListener("dblclick", (event) => {
  const chart = chartOf(event.target);
  if (!chart) return;
  clearTimeout(waiting);
  clear(chart);
  chart.closest("[data-log-chart]").querySelector("[data-key=z]").click();
});

const steps = { ArrowLeft: (at) => at - 1, ArrowRight: (at) => at + 1, Home: () => 0, End: (_, count) => count - 1 };

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && drag) {
    giveUp();
    return event.preventDefault();
  }
  const chart = chartOf(event.target);
  const bar = chart && event.key === "Enter" && event.target.closest("a[data-span]");
  if (bar) bar.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true })); // a link does so by itself
  const step = steps[event.key];
  if (!chart || !step || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = bars(chart);
  const at = all.indexOf(event.target.closest("a"));
  if (at === -1) return;
  event.preventDefault();
  const next = Math.min(Math.max(step(at, all.length), 0), all.length - 1);
  if (!event.shiftKey) anchor = -1;
  else if (anchor === -1) anchor = at;
  stand(all, next);
  all[next].focus();
  if (anchor === -1) clear(chart);
  else paint(chart, anchor, next);
});

// Of all bars one is in the tab order, or a hundred of them would bury the page.
function stand(all, at) {
  all.forEach((bar, index) => bar.setAttribute("tabindex", index === at ? "0" : "-1"));
}

function prepare() {
  const chart = document.querySelector("[data-log-chart] [data-chart]");
  const all = chart ? bars(chart) : [];
  anchor = -1;
  stand(all, all.length - 1);
  if (takesFocus && (document.activeElement === document.body || !document.activeElement)) all.at(-1)?.focus({ preventScroll: true });
  takesFocus = false;
}
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "drawer") prepare();
});
document.addEventListener("htmx:historyRestore", prepare);
prepare();
