// The command palette: Ctrl K, ⌘K or the bar's button opens it. The list comes from /search; arrows move through it, Enter
// in the box goes to the first, letters typed in the list go on in the box.
const palette = document.getElementById("palette");
const input = palette?.querySelector("input");
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

function hits() {
  return [...palette.querySelectorAll("[data-hit]")];
}

function open() {
  if (palette.open || document.querySelector("dialog[open]")) return;
  palette.showModal();
  input.focus();
  input.select();
  input.dispatchEvent(new CustomEvent("palette"));
}

function move(step) {
  const places = [input, ...hits()];
  const at = places.indexOf(document.activeElement);
  places.at((at + step) % places.length).focus();
}

if (palette) {
  if (isMac) for (const key of document.querySelectorAll("[data-palette-key]")) key.textContent = "⌘K";

  addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || event.shiftKey || event.altKey || !(isMac ? event.metaKey : event.ctrlKey)) return;
    event.preventDefault();
    if (palette.open) palette.close();
    else open();
  });
  document.addEventListener("palette", open);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-palette-open]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });

  palette.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault(); // a search box would only empty itself
      palette.close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.target !== input && event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey) {
      input.focus(); // the letter itself then lands there
    }
  });
  palette.querySelector("form").addEventListener("submit", (event) => {
    const first = hits()[0];
    // What is listed may still be that of fewer letters; the page /search then shows the same and more.
    if (!first || input.value.trim() !== palette.dataset.query) return;
    event.preventDefault();
    first.click();
  });
  palette.addEventListener("htmx:afterSwap", (event) => {
    palette.dataset.query = (event.detail.requestConfig.parameters.get?.("q") ?? event.detail.requestConfig.parameters.q ?? "").trim();
    hits()[0]?.classList.add("is-active");
    palette.querySelector("[data-palette-status]").textContent = `${hits().length} found`;
  });
}
