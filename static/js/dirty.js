// data-dirty on a form: leaving the page with unsaved changes asks first.
const changed = new Set();

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form && "dirty" in form.dataset) changed.add(form);
});
for (const name of ["submit", "reset"]) {
  document.addEventListener(name, (event) => changed.delete(event.target));
}
addEventListener("beforeunload", (event) => {
  if ([...changed].some((form) => form.isConnected)) event.preventDefault();
});
