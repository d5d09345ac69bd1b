// Drag over the histogram to zoom to that time; double-click to zoom out. A click on a bar is its link, which needs no script.
const LEAST = 6; // pixels: less is a click

let drag = null;

function bars(chart) {
  return [...chart.querySelectorAll("a:has(.chart__hit)")];
}

function address(link) {
  return new URL(link.getAttribute("href"), location);
}

function barAt(chart, x) {
  return bars(chart).find((link) => {
    const box = link.querySelector(".chart__hit").getBoundingClientRect();
    return x >= box.left && x <= box.right;
  });
}

function paint(chart, from, to) {
  let area = chart.querySelector(".log-chart__drag");
  if (!area) {
    area = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    area.classList.add("log-chart__drag");
    chart.append(area);
  }
  const origin = chart.getBoundingClientRect();
  const [left, right] = [Math.min(from, to), Math.max(from, to)];
  for (const [name, value] of Object.entries({ x: left - origin.left, y: 0, width: right - left, height: origin.height - 18 })) {
    area.setAttribute(name, value);
  }
}

function go(href) {
  const link = Object.assign(document.createElement("a"), { href, hidden: true });
  document.getElementById("explorer").append(link);
  globalThis.htmx?.process(link);
  link.click();
  link.remove();
}

document.addEventListener("pointerdown", (event) => {
  const chart = event.target.closest("[data-log-chart] [data-chart]");
  if (!chart || event.button !== 0 || event.pointerType === "touch") return;
  drag = { chart, start: event.clientX, moved: false };
});
document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  drag.moved ||= Math.abs(event.clientX - drag.start) >= LEAST;
  if (drag.moved) paint(drag.chart, drag.start, event.clientX);
});
document.addEventListener("pointerup", (event) => {
  if (!drag) return;
  const { chart, start, moved } = drag;
  drag = null;
  chart.querySelector(".log-chart__drag")?.remove();
  if (!moved) return;
  const [left, right] = [barAt(chart, Math.min(start, event.clientX)), barAt(chart, Math.max(start, event.clientX))];
  const all = bars(chart);
  if (!all.length) return;
  const url = address(left ?? all[0]);
  url.searchParams.set("to", address(right ?? all.at(-1)).searchParams.get("to"));
  addEventListener("click", (click) => { click.preventDefault(); click.stopPropagation(); }, { capture: true, once: true });
  setTimeout(() => go(url.href));
});
document.addEventListener("dragstart", (event) => {
  if (event.target.closest("[data-log-chart]")) event.preventDefault();
});
document.addEventListener("dblclick", (event) => {
  const chart = event.target.closest("[data-log-chart]");
  if (chart) go(chart.dataset.zoomOut);
});
