// The open log beside the list: its row is marked; opened by Enter it takes the focus, closed it gives it back to the row.
let wanted = ""; // what gets the focus once the drawer has changed: "drawer", "row" or nothing
let opened = "";

// A row leads to the log's own page; beside the list it opens at an address that says both.
document.addEventListener("htmx:configRequest", (event) => {
  const list = document.querySelector("[data-list]")?.dataset.list;
  const row = event.detail.elt.matches?.("[data-logs] .log__link") && event.detail.elt.closest("[data-log]");
  if (list && row) event.detail.path = `${list}${list.includes("?") ? "&" : "?"}row=${row.dataset.log}`;
});

function mark() {
  const now = new URLSearchParams(location.search).get("row") ?? "";
  for (const row of document.querySelectorAll("[data-logs] [data-log]")) {
    const isOpen = row.dataset.log === now;
    row.classList.toggle("is-open", isOpen);
    if (isOpen) row.firstElementChild.setAttribute("aria-current", "true");
    else row.firstElementChild.removeAttribute("aria-current");
  }
  if (now) opened = now;
}

document.addEventListener("click", (event) => {
  // A click that a key made has no count; one that a script made (j and k) leaves the focus in the list.
  if (event.target.closest("[data-logs] .log__link")) wanted = event.isTrusted && event.detail === 0 ? "drawer" : "";
  if (event.target.closest("[data-drawer-close]")) wanted = "row";
}, { capture: true });

// Whoever went on meanwhile, to the search box say, keeps the focus: letters that are typed must not become keys.
function isFocusFree() {
  const focused = document.activeElement;
  return !focused || focused === document.body || focused.closest("#drawer, [data-logs]") !== null;
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "drawer" && !(wanted === "row" && event.detail.target?.id === "explorer")) return;
  mark();
  if (!isFocusFree()) wanted = "";
  if (wanted === "drawer") document.querySelector("#drawer.drawer--open")?.focus({ preventScroll: true });
  if (wanted === "row") document.querySelector(`[data-log="${CSS.escape(opened)}"] > .log__link`)?.focus({ preventScroll: true });
  wanted = "";
});
mark();

// The open log begins where the query ends: under banners, as long as the page is not scrolled, that is further down.
function place() {
  const query = document.querySelector(".explorer:has(> .drawer--open) > .log-query");
  if (query) document.documentElement.style.setProperty("--query-end", `${Math.max(query.getBoundingClientRect().bottom, 0)}px`);
}
addEventListener("scroll", place, { passive: true });
addEventListener("resize", place, { passive: true });
document.addEventListener("htmx:afterSettle", place);
place();
