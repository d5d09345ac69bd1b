// Dialogs open by command="show-modal" and need no script. For browsers without that attribute this does the same; for all
// it closes a dialog by a click beside it.
const needed = !("commandForElement" in HTMLButtonElement.prototype);

document.addEventListener("click", (event) => {
  if (event.target.matches("dialog[open]")) {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside && event.detail > 0) event.target.close();
    return;
  }
  const button = needed && event.target.closest("button[commandfor]");
  const dialog = button && document.getElementById(button.getAttribute("commandfor"));
  if (!(dialog instanceof HTMLDialogElement)) return;
  if (button.getAttribute("command") === "show-modal") dialog.showModal();
  if (button.getAttribute("command") === "close") dialog.close();
});
