// The grip at the drawer's edge: dragged, or moved by the arrow keys, it sets how much of the window the drawer takes, which
// this browser keeps: it fits its window, not the person. A double click gives the usual width back.
const KEY = "drawer-width", LEAST = 25, MOST = 75, STEP = 2; // percent of the window

function apply(percent) {
  const root = document.documentElement;
  if (percent) root.style.setProperty("--drawer-chosen", `${percent}vw`);
  else root.style.removeProperty("--drawer-chosen");
  const grip = document.querySelector("[data-drawer-grip]");
  if (grip && percent) grip.setAttribute("aria-valuenow", String(Math.round(percent)));
}

function set(percent) {
  const kept = percent && Math.min(Math.max(percent, LEAST), MOST);
  if (kept) localStorage.setItem(KEY, String(kept));
  else localStorage.removeItem(KEY);
  apply(kept);
}

const chosen = () => {
  const kept = Number(localStorage.getItem(KEY));
  return kept >= LEAST && kept <= MOST ? kept : 0;
};
const now = () => (100 * document.getElementById("drawer").offsetWidth) / innerWidth;

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest?.("[data-drawer-grip]");
  if (!grip || event.button !== 0) return;
  event.preventDefault();
  grip.setPointerCapture(event.pointerId);
  const drag = (move) => set((100 * (innerWidth - move.clientX)) / innerWidth);
  grip.addEventListener("pointermove", drag);
  grip.addEventListener("lostpointercapture", () => grip.removeEventListener("pointermove", drag), { once: true });
});
document.addEventListener("dblclick", (event) => {
  if (event.target.closest("[data-drawer-grip]")) set(0);
});
document.addEventListener("keydown", (event) => {
  const way = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
  if (!way || !event.target.closest?.("[data-drawer-grip]")) return;
  event.preventDefault();
  event.stopPropagation(); // the list's keys mean something else
  set(now() + way);
}, { capture: true });
document.addEventListener("htmx:afterSettle", () => apply(chosen()));
apply(chosen());
