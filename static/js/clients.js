// data-clients: a list of what can send logs. The field in it leaves what has all the words that are typed, and shows
// the first of these if the one that was chosen is not among them.
function filter(list, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const clients = [...list.querySelectorAll("[data-words]")];
  for (const client of clients) client.hidden = !words.every((word) => client.dataset.words.includes(word));
  for (const group of list.querySelectorAll("[role=group]")) group.hidden = !group.querySelector("[data-words]:not([hidden])");
  const left = clients.filter((client) => !client.hidden);
  if (left.length && !left.some((client) => client.querySelector("input:checked"))) left[0].querySelector("input").checked = true;
  list.querySelector("[data-clients-none]").textContent = left.length ? "" : "None by that name. What can post JSON can send logs.";
  return left;
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-clients-filter]")) filter(event.target.closest("[data-clients]"), event.target.value);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("[data-clients-filter]")) return;
  event.preventDefault();
  filter(event.target.closest("[data-clients]"), event.target.value)[0]?.querySelector("input").focus();
});
