// What htmx sends says for which organisation and in which zone the page was made, and carries Django's token, which every page
// that changes something has in a form.
document.addEventListener("htmx:configRequest", (event) => {
  const org = document.body.dataset.org;
  if (org) event.detail.headers["X-Page-Org"] = org;
  event.detail.headers["X-Page-Zone"] = document.body.dataset.zone ?? "";
  if (event.detail.verb === "get") return;
  const token = document.querySelector("input[name=csrfmiddlewaretoken]");
  if (token) event.detail.headers["X-CSRFToken"] = token.value;
});
