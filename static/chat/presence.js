/** Who is here: a dot beside their name, and how many in the header. */
import { on } from "chat/bus";

const place = document.querySelector("[data-presence]");
const room = Number(place?.dataset.presence);
const here = new Set();

function render() {
  for (const person of place.querySelectorAll("li[data-user]")) {
    person.toggleAttribute("data-here", here.has(Number(person.dataset.user)));
  }
  const count = place.querySelector("[data-here-count]");
  if (!count) return;
  count.hidden = !here.size;
  count.textContent = `${here.size} here`;
}

on("welcome", () => here.clear());
on("presence", (event) => {
  if (event.room !== room) return;
  event.here.forEach((id) => here.add(id));
  event.gone.forEach((id) => here.delete(id));
  render();
});
