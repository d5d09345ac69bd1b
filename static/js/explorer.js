// What holds the explorer's page together while htmx changes parts of it. Without a script every link loads the page anew.

// document.dispatchEvent(new CustomEvent("visit", { detail: address })) goes there as a link of the page would.
document.addEventListener("visit", (event) => {
  document.querySelector("a[data-visit]")?.remove();
  const link = Object.assign(document.createElement("a"), { href: event.detail, hidden: true });
  link.dataset.visit = "";
  (document.getElementById("explorer") ?? document.body).append(link);
  globalThis.htmx?.process(link);
  link.click(); // It stays: htmx asks it, when the answer is there, which part of it goes where.
});

// Where the page is, for scripts: data-list without the open row, data-here also without the place in the list. A page says
// its query once, for it may be long; after a mistake in it what is shown is the one before, which the form has as well.
function locate() {
  const body = document.querySelector(".explorer__body");
  if (!body) return;
  const url = new URL(location);
  const good = document.querySelector("#log-search [name=good]");
  if (good) url.searchParams.set("q", good.value);
  if (!url.searchParams.get("q")) url.searchParams.delete("q");
  const without = (...names) => {
    for (const name of names) url.searchParams.delete(name);
    return url.pathname + url.search;
  };
  body.dataset.list = without("row", "live", "fit", "good", "page", "set", "add", "drop", "only", "also", "free");
  body.dataset.here = without("before", "at");
}
document.addEventListener("htmx:afterSettle", locate);
document.addEventListener("htmx:historyRestore", locate);
locate();

// A button that sends the search's form elsewhere, for a file: not by htmx, which would show it as a page.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[form=log-search][formaction]");
  if (!button) return;
  event.preventDefault();
  location.assign(`${button.formAction}?${new URLSearchParams(new FormData(button.form, button))}`);
}, { capture: true });

// A sheet of filters stays open while several are chosen in it.
let sheet = null;
document.addEventListener("htmx:beforeSwap", () => {
  const open = document.querySelector("#log-facets:popover-open");
  sheet = open && { top: open.scrollTop };
});
document.addEventListener("htmx:afterSettle", () => {
  const facets = document.getElementById("log-facets");
  if (sheet && facets && !facets.matches(":popover-open")) {
    facets.showPopover();
    facets.scrollTop = sheet.top;
  }
  sheet = null;
});

// data-keep="cols wrap" on a link or a button: what it says of these is kept with the account, for pages whose address does not say.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-keep]");
  if (!link) return;
  const said = link.href ? new URL(link.href).searchParams : new URLSearchParams(link.value);
  const body = new URLSearchParams(link.dataset.keep.split(" ").map((name) => [name, said.get(name) ?? ""]));
  const token = document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
  const headers = { "X-CSRFToken": token, "X-Page-Org": document.body.dataset.org ?? "" };
  // Whether it is kept or not, the page that the link leads to says it.
  fetch(document.querySelector("[data-keep-at]").dataset.keepAt, { method: "POST", body, headers, keepalive: true, redirect: "manual" }).catch(() => {});
}, { capture: true });

// What a screen reader should hear of a change: it stands outside of all that is replaced.
document.addEventListener("say", (event) => {
  const status = document.getElementById("log-status");
  if (status) status.textContent = event.detail;
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "explorer") return;
  const line = document.querySelector(".log-chart__line");
  const words = line ? [...line.querySelectorAll("strong, [data-said]")].map((each) => each.textContent.trim()).join(", ") : "";
  document.dispatchEvent(new CustomEvent("say", { detail: words }));
});

// The link to copy has the query, however long, and names the log that is open now, which the list, loaded before, does not know.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy-link]");
  if (!button) return;
  const url = new URL(button.dataset.copy, location);
  const query = new URL(document.querySelector("[data-here]").dataset.here, location).searchParams.get("q");
  if (query) url.searchParams.set("q", query);
  const row = new URLSearchParams(location.search).get("row");
  if (row) url.searchParams.set("row", row);
  else url.searchParams.delete("row");
  button.dataset.copy = url.href;
}, { capture: true });

// A server that does not answer must not look like a page on which nothing happens.
for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (!event.target.closest?.("#explorer")) return;
    const status = event.detail.xhr?.status;
    const text = status ? `The server answered with an error (${status}).` : "The server does not answer.";
    document.dispatchEvent(new CustomEvent("toast", { detail: { text: `${text} What is shown is as it was.`, tone: "error" } }));
  });
}

// <input type="datetime-local" data-sets="id">: what is chosen in its calendar is written into the box beside it, which also
// takes what no calendar has, such as -90m.
document.addEventListener("change", (event) => {
  const box = event.target.dataset?.sets && document.getElementById(event.target.dataset.sets);
  if (box && event.target.value) box.value = event.target.value.replace("T", " ");
});
