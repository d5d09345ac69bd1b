// <form data-apply>: a choice is applied at once; the button stays for what is typed, and where no script runs.
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-apply]");
  if (form && event.target.matches("select, [type=checkbox], [type=radio]")) form.requestSubmit();
});
for (const form of document.querySelectorAll("form[data-apply]")) {
  const button = form.querySelector(":scope > button:not([type=button])");
  if (button && !form.querySelector("input:not([type=hidden], [type=checkbox], [type=radio])")) button.hidden = true;
}
