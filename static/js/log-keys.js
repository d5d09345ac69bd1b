// The keys among logs; ? lists them. Each does what a link or a button of the page does as well. None while typing.
const typing = "input, textarea, select, [contenteditable]";
let byPointer = false; // whether the pointer chose last, or the keyboard
let column = 1; // which value of the focused row is chosen: the one behind the level, at first

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
const find = (selector) => document.querySelector(`[data-explorer] ${selector}`);
const rows = () => [...document.querySelectorAll("[data-logs] .log__link")];
const term = ({ dataset, textContent }) => (dataset.term.endsWith(":") ? dataset.term + textContent : dataset.term);
const values = (link) => [...link.querySelectorAll("[data-term]")];

// The page's address without the open row.
const here = () => new URL(document.querySelector("[data-here]").dataset.here, location);

function focus(element) {
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
}

// Of what has the focus and what the pointer is over, the one that was chosen last.
function chosen(selector) {
  const both = [document.activeElement?.closest(selector), [...document.querySelectorAll(`${selector}:hover`)].at(-1)];
  return (byPointer ? both.reverse() : both).find(Boolean);
}

function move(step) {
  const links = rows();
  if (!links.length) return;
  const focused = links.indexOf(document.activeElement);
  const at = focused >= 0 ? focused : links.findIndex((link) => link.parentElement.classList.contains("is-open"));
  const next = links[Math.min(Math.max(at + step, 0), links.length - 1)];
  focus(next);
  if (find("[data-drawer-close]")) next.click();
}

function moveInRow(step) {
  const link = document.activeElement?.closest(".log__link");
  if (!link) return false;
  column = Math.min(Math.max(column + step, 0), values(link).length - 1);
  markValue(link);
  const value = values(link)[column];
  tell("say", value.title || value.textContent);
}

function moveInFields(step) {
  const detail = document.activeElement?.closest("#drawer, .log-detail");
  if (!detail || document.activeElement.matches("pre")) return false;
  const fields = [...detail.querySelectorAll("[data-filter=with]")];
  const at = fields.findIndex((each) => each.closest("tr").contains(document.activeElement));
  const next = fields[at === -1 ? (step > 0 ? 0 : -1) : at + step];
  if (next) focus(next);
}

function markValue(link) {
  for (const each of document.querySelectorAll(".is-pointed")) each.classList.remove("is-pointed");
  if (link) values(link)[Math.min(column, values(link).length - 1)]?.classList.add("is-pointed");
}

function filter(way) {
  const field = chosen(".log-fields tr");
  if (field) return field.querySelector(`[data-filter=${way}]`)?.click();
  const row = chosen("[data-logs] .log__link");
  const value = row && (row.querySelector("[data-term]:hover") ?? (row === document.activeElement ? row.querySelector(".is-pointed") : null));
  if (!value) return tell("toast", { text: "Point at a value, or choose a row by j and k and a value of it by ← and →.", tone: "info" });
  const url = here();
  url.searchParams.set("add", (way === "without" ? "-" : "") + term(value));
  tell("visit", url.href);
}

async function copy() {
  const place = chosen(".log-fields tr:has([data-copy])") ?? find(".log-detail__message");
  if (place) return place.querySelector("[data-copy], [data-copy-target]").click();
  const row = chosen("[data-logs] .log__link");
  if (!row) return;
  // The list shows one line of it, cut short; the log itself has all.
  const url = here();
  url.searchParams.set("row", row.closest("[data-log]").dataset.log);
  const response = await fetch(url, { headers: { "HX-Request": "true", "HX-Target": "drawer", "X-Page-Org": document.body.dataset.org ?? "" } });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  tell("copy-text", page.getElementById("log-message")?.textContent ?? row.querySelector(".log__message").textContent);
}

function showContext() {
  const link = find("[data-key=x]");
  const row = chosen("[data-logs] [data-log]");
  if (link) link.click();
  else if (row) location.assign(`${here().pathname}/${row.dataset.log}#around`);
}

function chooseTime() {
  const menu = find(".log-range");
  if (!menu) return;
  menu.open = true;
  (menu.querySelector(".menu__item[aria-current]") ?? menu.querySelector(".menu__item")).focus();
}

const actions = {
  j: () => move(1),
  k: () => move(-1),
  f: () => filter("with"),
  F: () => filter("without"),
  c: copy,
  x: showContext,
  t: chooseTime,
  ArrowLeft: () => moveInRow(-1),
  ArrowRight: () => moveInRow(1),
  ArrowDown: () => moveInFields(1),
  ArrowUp: () => moveInFields(-1),
  Escape: () => (find("[data-drawer-close]") ? find("[data-drawer-close]").click() : false),
};

function inBox(event) {
  if (event.key === "Escape") event.target.blur();
  else if (event.key === "ArrowDown" && event.target.id === "log-q" && rows().length) focus(rows()[0]);
  else return;
  event.preventDefault(); // or a search box empties itself
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open], :popover-open")) return;
  if (event.target.closest(typing)) return inBox(event);
  if (event.key === "Tab" || event.key in actions && !"fFcx".includes(event.key)) byPointer = false;
  const action = actions[event.key];
  const target = action ? null : find(`[data-key="${CSS.escape(event.key)}"]`);
  if (!action && !target) return;
  if (action && action(event) === false) return; // it has nothing to do here: the browser's own meaning stays
  event.preventDefault();
  target?.click();
});
document.addEventListener("pointermove", () => { byPointer = true; }, { passive: true });
document.addEventListener("focusin", (event) => markValue(event.target.closest("[data-logs] .log__link")));
