/** What could not be said in another room: marked at the side, or shown if the room is gone. */
import { on } from "chat/bus";
import { here } from "chat/here";
import { discard, entries as outbox } from "chat/outbox";
import { entries as rooms, find } from "chat/sidebar";

const list = document.getElementById("stranded");
const template = list.querySelector("template");

function render() {
  const failed = outbox().filter((entry) => entry.failed);
  for (const room of rooms()) {
    const isHere = Number(room.dataset.room) === here?.id;
    const has = failed.some((entry) => entry.room === Number(room.dataset.room));
    room.querySelector(".unsent").hidden = isHere || !has;
  }
  const homeless = failed.filter((entry) => !find(entry.room));
  list.querySelector("ul").replaceChildren(...homeless.map(item));
  list.hidden = !homeless.length;
}

function item({ id, body }) {
  const element = template.content.firstElementChild.cloneNode(true);
  element.querySelector("blockquote").textContent = body;
  element.querySelector("button").addEventListener("click", () => discard(id));
  return element;
}

on("outbox", render);
on("welcome", render);
on("left", render);
