// <input data-filters="#list"> leaves of the items (data-item) in there those that hold what is typed.
document.addEventListener("input", (event) => {
  const list = event.target.dataset?.filters && document.querySelector(event.target.dataset.filters);
  if (!list) return;
  const wanted = event.target.value.trim().toLowerCase();
  for (const item of list.querySelectorAll("[data-item]")) item.hidden = !(item.dataset.item || item.querySelector(".truncate")?.textContent || item.textContent).toLowerCase().includes(wanted);
  for (const more of list.querySelectorAll("details")) more.open = wanted !== "";
});
