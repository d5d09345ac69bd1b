// data-figures: asks for what the page did not wait for, and while it follows for what is new. Without a script the page has a link
// that counts all at once. Its address is the page's own, with the query, however long, said once.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.matches("[data-figures]")) event.detail.path += location.search;
});

// What somebody uses stays as it is: a list that is open, or has the focus.
function isInUse(part) {
  return part.matches(":focus-within") || part.querySelector("details[open]") !== null || [...part.querySelectorAll("input[type=search]")].some((box) => box.value);
}

// An answer to a page that is no longer there is for nothing.
document.addEventListener("htmx:beforeSwap", (event) => {
  const asker = event.detail.requestConfig?.elt;
  if (!asker?.matches("[data-figures]")) return;
  const { target } = event.detail;
  if (!asker.isConnected || isInUse(target)) event.detail.shouldSwap = false;
  else if (target.id === "log-chart") height = target.offsetHeight;
});

// The rows below stay where they are, though the line of the figures has fewer words when all is counted.
let height = 0; // pixels
document.addEventListener("htmx:afterSwap", () => {
  const chart = document.getElementById("log-chart");
  if (height && chart) chart.style.minBlockSize = `${height}px`;
  height = 0;
});

// Of a page that follows, not under the pointer or in an open sheet either, where somebody is about to choose: there is a next time.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const part = event.detail.target;
  const follows = document.querySelector("[data-figures][data-refresh]") !== null;
  if (isInUse(part) || (follows && (part.matches(":hover") || part.closest(":popover-open")))) event.preventDefault();
});
