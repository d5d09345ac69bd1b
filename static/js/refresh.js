// data-refresh="60": asks for itself anew so often (seconds) by the event "refresh", and when a tab that was hidden for as
// long comes back. Not while somebody is in the middle of it: focus, selection or an open dialog within. The element needs
// an id, for the answer takes its place, or that of the element that data-refreshes="#id" names.
const asked = new Map(); // id -> when, in milliseconds

function isInUse(element) {
  const selection = getSelection();
  return (
    element.contains(document.activeElement) ||
    document.querySelector("dialog[open]") !== null ||
    (selection !== null && !selection.isCollapsed && element.contains(selection.anchorNode))
  );
}

setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-refresh]")) {
    const last = asked.get(element.id) ?? performance.timeOrigin;
    const now = performance.timeOrigin + performance.now();
    if (now - last < Number(element.dataset.refresh) * 1000 || isInUse(document.querySelector(element.dataset.refreshes ?? `#${element.id}`) ?? element)) continue;
    asked.set(element.id, now);
    element.dispatchEvent(new CustomEvent("refresh"));
  }
}, 1000);
