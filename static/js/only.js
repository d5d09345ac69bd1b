// data-only="a b" on a field: it stands in the form only while its form's "type" is one of these.
function show(form) {
  const type = form.elements.namedItem("type");
  for (const input of form.querySelectorAll("[data-only]")) {
    const field = input.closest(".field");
    if (field && type) field.hidden = !input.dataset.only.split(" ").includes(type.value);
  }
}

document.addEventListener("change", (event) => event.target.name === "type" && event.target.form && show(event.target.form));
addEventListener("pageshow", () => [...document.forms].forEach(show));
