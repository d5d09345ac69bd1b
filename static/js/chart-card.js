// What a chart's bars, flags and strips say, in a card beside the pointer, the finger or the focus. Without a script each has
// a title, which browsers show late and never on touch; here the title becomes the label, lest both be shown.
const HIT = ".chart__column, g:has(> title), a:has(> title), [data-says]";
let card = null;

// The words of what is drawn, taken from its title once.
function words(shape) {
  const title = shape.querySelector(":scope > title");
  if (title) {
    shape.dataset.says = title.textContent;
    (shape.closest("a") ?? shape).setAttribute("aria-label", title.textContent);
    title.remove();
  }
  return shape.dataset.says ?? "";
}

function shapeAt(chart, x, y) {
  const exact = document.elementFromPoint(x, y)?.closest(HIT);
  if (exact && chart.contains(exact)) return exact;
  return [...chart.querySelectorAll(".chart__column")].find((each) => {
    const box = each.querySelector(".chart__hit").getBoundingClientRect();
    return box.left <= x && x < box.right;
  });
}

function show(text, x, y) {
  const [, when, rest] = text.match(/^([0-9-]{10} .*?): (.*)$/s) ?? ["", "", text];
  card ??= Object.assign(document.createElement("div"), { className: "chart-card" });
  card.setAttribute("aria-hidden", "true"); // readers hear the label of what has the focus
  card.replaceChildren(...(when ? [Object.assign(document.createElement("strong"), { textContent: when })] : []), rest.replaceAll(", ", "\n"));
  document.body.append(card);
  const box = card.getBoundingClientRect();
  card.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - box.width - 8))}px`;
  card.style.top = `${y + box.height + 24 > innerHeight ? y - box.height - 12 : y + 16}px`;
}

function hide() {
  card?.remove();
}

document.addEventListener("pointermove", (event) => {
  const chart = event.target.closest?.("[data-chart]");
  const shape = chart && shapeAt(chart, event.clientX, event.clientY);
  const text = shape ? words(shape) : "";
  if (text) show(text, event.clientX, event.clientY);
  else hide();
}, { passive: true });
document.addEventListener("pointerdown", (event) => {
  const chart = event.pointerType === "touch" && event.target.closest?.("[data-chart]");
  const shape = chart && shapeAt(chart, event.clientX, event.clientY);
  if (shape) show(words(shape), event.clientX, event.clientY - 60);
}, { passive: true });
document.addEventListener("focusin", (event) => {
  const link = event.target.closest?.("[data-chart] a");
  const shape = link?.querySelector(".chart__column") ?? link;
  if (!shape || !link.matches(":focus-visible")) return;
  const box = shape.getBoundingClientRect();
  show(words(shape), box.left, box.bottom);
});
for (const name of ["focusout", "scroll", "htmx:beforeSwap"]) document.addEventListener(name, hide, { passive: true });
document.addEventListener("pointerleave", hide);
document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
