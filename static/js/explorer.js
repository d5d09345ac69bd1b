// The explorer's keyboard. Everything here is also a link or a button on the page.
const typing = "input, textarea, select, [contenteditable]";

function rows() {
  return [...document.querySelectorAll("[data-logs] .log__link")];
}

function move(step) {
  const links = rows();
  if (!links.length) return;
  const focused = links.indexOf(document.activeElement);
  const at = focused >= 0 ? focused : links.findIndex((link) => link.parentElement.classList.contains("is-open"));
  const next = links[Math.min(Math.max(at + step, 0), links.length - 1)];
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  if (document.querySelector("[data-drawer-close]")) next.click();
}

// The field of the open log that is pointed at or has the focus: only this, or without it.
function field(choice) {
  const row = document.querySelector(".log-fields tr:hover") ?? document.activeElement.closest(".log-fields tr");
  row?.querySelectorAll(".log-fields__acts a")[choice]?.click();
}

const actions = {
  "/": () => {
    const box = document.getElementById("log-q");
    box?.focus();
    box?.select();
  },
  j: () => move(1),
  k: () => move(-1),
  "?": () => document.getElementById("log-help")?.showModal(),
  f: () => field(0),
  F: () => field(1),
  t: () => document.querySelector(".log-range > summary")?.click(),
  c: () => document.querySelector(".log-detail__message [data-copy-target]")?.click(),
  Escape: () => document.querySelector("[data-drawer-close]")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.target.closest(typing)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const action = actions[event.key];
  const target = action ? null : document.querySelector(`[data-explorer] [data-key="${CSS.escape(event.key)}"]`);
  if (!action && !target) return;
  event.preventDefault();
  if (action) action();
  else target.click();
});

// The open row is marked when the drawer changes without the list.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "drawer") return;
  const opened = new URLSearchParams(location.search).get("row");
  for (const row of document.querySelectorAll("[data-log]")) {
    row.classList.toggle("is-open", row.dataset.log === opened);
  }
});
