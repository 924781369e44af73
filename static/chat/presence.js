/** Who is online: a dot beside their name, and how many in the header. */
import { on } from "chat/bus";

const place = document.querySelector("[data-presence]");
const room = Number(place?.dataset.presence);
const here = new Set();

function render() {
  for (const person of place.querySelectorAll("li[data-user]")) {
    person.toggleAttribute("data-here", here.has(Number(person.dataset.user)));
  }
  const online = place.querySelector("[data-online]");
  if (!online) return;
  online.hidden = !here.size;
  online.textContent = `${here.size} online`;
}

on("disconnected", () => {
  here.clear(); // who knows?
  if (place) render();
});
on("presence", (event) => {
  if (event.room !== room) return;
  event.here.forEach((id) => here.add(id));
  event.gone.forEach((id) => here.delete(id));
  render();
});
