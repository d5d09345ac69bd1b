// Keys that work on every page. None while somebody is typing, in a dialog, or with a modifier; a page's own keys come first.
const typing = "input, textarea, select, [contenteditable]";
const PATIENCE = 1500; // milliseconds between g and the letter after it
let wentAt = -Infinity;

function isFree(event) {
  return !(
    event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented ||
    event.target.closest?.(typing) || document.querySelector("dialog[open]")
  );
}

function isShown(element) {
  return element.checkVisibility ? element.checkVisibility() : element.offsetParent !== null;
}

// g and a letter: a page's own meaning of the letter must not get in between, so this listens before everybody.
addEventListener("keydown", (event) => {
  if (event.timeStamp - wentAt > PATIENCE || !isFree(event) || event.key === "Shift") return;
  wentAt = -Infinity;
  const place = /^[a-z]$/.test(event.key) && document.querySelector(`[data-go="${event.key}"]`);
  if (!place) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  place.click();
}, { capture: true });

const actions = {
  g: (event) => { wentAt = event.timeStamp; },
  "?": () => document.getElementById("keys")?.showModal(),
  "/": () => {
    const box = [...document.querySelectorAll("main input[type=search]")].find(isShown);
    if (box) box.select(), box.focus();
    else document.dispatchEvent(new CustomEvent("palette"));
  },
};

addEventListener("keydown", (event) => {
  if (!isFree(event)) return;
  const action = actions[event.key];
  const button = action ? null : /^[a-z]$/.test(event.key) && document.querySelector(`[data-press="${event.key}"]`);
  if (!action && !button) return;
  event.preventDefault();
  if (action) action(event);
  else button.click();
});
