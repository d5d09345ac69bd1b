// data-choose-all="name": ticks every box of that name in its form, and shows whether all, some or none are ticked;
// data-chosen says how many are.
function boxes(form) {
  const all = form?.querySelector("[data-choose-all]");
  return { all, each: all ? [...form.querySelectorAll(`input[type=checkbox][name="${all.dataset.chooseAll}"]`)] : [] };
}

function show(form) {
  const { all, each } = boxes(form);
  if (!all) return;
  const chosen = each.filter((box) => box.checked).length;
  all.checked = chosen > 0 && chosen === each.length;
  all.indeterminate = chosen > 0 && chosen < each.length;
  for (const count of form.querySelectorAll("[data-chosen]")) count.textContent = chosen;
}

document.addEventListener("change", (event) => {
  const { all, each } = boxes(event.target.form);
  if (event.target === all) for (const box of each) box.checked = all.checked;
  show(event.target.form);
});
// Coming back by the browser's history keeps what was ticked.
addEventListener("pageshow", () => [...document.forms].forEach(show));
