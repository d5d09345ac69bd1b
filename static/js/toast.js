// Messages in the corner: good news leaves by itself, trouble stays until dismissed. Anything on the page may ask for one:
// document.dispatchEvent(new CustomEvent("toast", { detail: { text, tone } })), or a server by the header HX-Trigger.
const STAYS = 6000; // milliseconds

function leaveLater(toast) {
  if (["error", "warn"].includes(toast.dataset.toast)) return;
  let timer = setTimeout(() => toast.remove(), STAYS);
  toast.addEventListener("pointerenter", () => clearTimeout(timer));
  toast.addEventListener("pointerleave", () => { timer = setTimeout(() => toast.remove(), STAYS / 2); });
}

function show({ text, tone = "ok" }) {
  const region = document.getElementById("toasts");
  const made = document.getElementById(`toast-template`)?.content.firstElementChild.cloneNode(true);
  if (!region || !made) return;
  made.className = `toast tone-${tone}`;
  made.dataset.toast = tone;
  made.querySelector("p").textContent = text;
  region.append(made);
  leaveLater(made);
}

document.addEventListener("toast", (event) => show(event.detail));
document.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest("[data-toast]")?.remove());
document.querySelectorAll("[data-toast]").forEach(leaveLater);
