// <form data-apply>: a choice is applied at once; the button stays for what is typed, and where no script runs.
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-apply]");
  if (form && event.target.matches("select, [type=checkbox], [type=radio]")) form.requestSubmit();
});
