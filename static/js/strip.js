// A strip of tabs that is wider than the screen shows the tab that is on, not only the first ones.
for (const current of document.querySelectorAll(".tabs [aria-current]")) {
  const strip = current.closest("ul");
  const [box, within] = [current.getBoundingClientRect(), strip.getBoundingClientRect()];
  strip.scrollLeft += box.left - within.left - (within.width - box.width) / 2;
}
