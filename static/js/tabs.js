// data-tabset="name": the language chosen in one set of snippets is chosen in the others and on later pages.
function choose(root = document) {
  for (const set of root.querySelectorAll("[data-tabset]")) {
    const value = localStorage.getItem(`tabs:${set.dataset.tabset}`);
    const radio = value && [...set.querySelectorAll("input[type=radio]")].find((each) => each.value === value);
    if (radio) radio.checked = true;
  }
}

document.addEventListener("change", (event) => {
  const set = event.target.closest("[data-tabset]");
  if (!set || event.target.type !== "radio") return;
  localStorage.setItem(`tabs:${set.dataset.tabset}`, event.target.value);
  choose();
});
document.addEventListener("htmx:load", (event) => choose(event.target));
choose();
