// data-copy="text", data-copy-code (what stands in the same .code), data-copy-target="#element" or data-copy-url="/address": copies, shows a tick for a moment, and says so to screen readers.
// document.dispatchEvent(new CustomEvent("copy-text", { detail: text })) does it without a button.
const SHOWN = 80; // characters

async function write(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without HTTPS there is no clipboard API.
  const area = Object.assign(document.createElement("textarea"), { value: text, readOnly: true, className: "visually-hidden" });
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("copying was refused");
}

async function copy(text) {
  try {
    await write(text);
    return true;
  } catch {
    document.dispatchEvent(new CustomEvent("toast", { detail: { text: "The browser did not allow copying.", tone: "warn" } }));
    return false;
  }
}

// What is too long to stand in every page. A link to it downloads it where no script runs.
async function fetched(url) {
  try {
    const { org = "", zone = "" } = document.body.dataset;
    const response = await fetch(url, { headers: { "X-Page-Org": org, "X-Page-Zone": zone }, redirect: "error" });
    if (!response.ok) throw new Error(String(response.status));
    return await response.text();
  } catch {
    location.assign(url);
    return null;
  }
}

// Where no button shows a tick, by a key say, the words themselves are shown.
function tell(text) {
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  document.dispatchEvent(new CustomEvent("toast", { detail: { text: `Copied ${shown}` } }));
}

document.addEventListener("copy-text", async (event) => {
  if (await copy(event.detail)) tell(event.detail);
});
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-code], [data-copy-target], [data-copy-url]");
  if (!button || event.ctrlKey || event.metaKey) return;
  if (button.dataset.copyUrl) event.preventDefault();
  const isOfCode = "copyCode" in button.dataset;
  const target = isOfCode ? button.closest(".tabset__panel, .code").querySelector("code") : button.dataset.copyTarget && document.querySelector(button.dataset.copyTarget);
  const text = target ? (target.value ?? target.textContent) : (button.dataset.copy ?? (await fetched(button.dataset.copyUrl)));
  if (text === null || !(await copy(text))) return;
  if (!event.isTrusted) tell(text);
  const name = button.getAttribute("aria-label");
  button.dataset.copied = "";
  if (name !== null) button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    delete button.dataset.copied;
    if (name !== null) button.setAttribute("aria-label", name);
  }, 1600);
});
