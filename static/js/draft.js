// <form data-draft="name">: what is typed into its text box is kept by this browser, under that name, until the server says
// that it has it (the event "noted"): a page that is left, a session that ended, a network that is away lose no words.
const PREFIX = "draft:";
const DAYS = 7 * 24 * 3600 * 1000; // milliseconds

const boxOf = (form) => form?.querySelector?.("textarea");
const keyOf = (form) => PREFIX + form.dataset.draft;

function store(key, text) {
  try {
    if (text) localStorage.setItem(key, JSON.stringify({ text, at: Date.now() }));
    else localStorage.removeItem(key);
  } catch {} // full, or not allowed: then it stands in the box alone
}

function stored(key) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? {};
  } catch {
    return {};
  }
}

function forget(isOver) {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX) && isOver(key)) localStorage.removeItem(key);
  } catch {}
}

forget((key) => !(Date.now() - stored(key).at < DAYS));
for (const form of document.querySelectorAll("form[data-draft]")) {
  const box = boxOf(form);
  if (box && !box.value) box.value = stored(keyOf(form)).text ?? "";
}

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form && "draft" in form.dataset && event.target === boxOf(form)) store(keyOf(form), event.target.value);
});
// What was typed while the note was on its way is not part of it, and stays.
document.addEventListener("htmx:beforeRequest", (event) => {
  const form = event.target;
  if (form.dataset && "draft" in form.dataset) form.dataset.sent = boxOf(form).value;
});
document.addEventListener("noted", (event) => {
  const form = event.target.closest?.("form[data-draft]");
  if (!form) return;
  const box = boxOf(form);
  const rest = box.value.startsWith(form.dataset.sent) ? box.value.slice(form.dataset.sent.length).trimStart() : box.value;
  form.reset();
  box.value = rest;
  store(keyOf(form), rest);
});
for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, (event) => {
    if (!("draft" in (event.target.dataset ?? {})) || event.detail.xhr?.status === 422) return;
    const text = "The note was not saved. It is still in the box.";
    document.dispatchEvent(new CustomEvent("toast", { detail: { text, tone: "error" } }));
  });
}
// Whoever signs out leaves nothing behind.
document.addEventListener("submit", (event) => {
  if ("forgetsDrafts" in event.target.dataset) forget(() => true);
});
