// The theme's form works by itself; with a script the page changes at once and the cookie is all the server needs.
function keep(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-theme-switch]");
  const theme = event.submitter?.value;
  if (!form || !theme) return;
  event.preventDefault();
  keep("theme", theme);
  document.documentElement.dataset.theme = theme;
  for (const button of form.querySelectorAll("button[name=theme]")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
}, { capture: true });
