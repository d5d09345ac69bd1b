// data-submit on a text box: Enter with Ctrl or the command key sends its form, as its button would.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  if (!("submit" in event.target.dataset) || !event.target.form) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});
