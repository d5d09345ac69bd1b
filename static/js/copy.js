// data-copy="text" or data-copy-target="#element": copies, shows a tick for a moment, and says so to screen readers.
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

// Where no button shows a tick, by a key say, the words themselves are shown.
function tell(text) {
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  document.dispatchEvent(new CustomEvent("toast", { detail: { text: `Copied ${shown}` } }));
}

document.addEventListener("copy-text", async (event) => {
  if (await copy(event.detail)) tell(event.detail);
});
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-target]");
  if (!button) return;
  const target = button.dataset.copyTarget && document.querySelector(button.dataset.copyTarget);
  const text = target ? (target.value ?? target.textContent) : button.dataset.copy;
  if (!(await copy(text))) return;
  if (!event.isTrusted) tell(text);
  const name = button.getAttribute("aria-label");
  button.dataset.copied = "";
  if (name !== null) button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    delete button.dataset.copied;
    if (name !== null) button.setAttribute("aria-label", name);
  }, 1600);
});
