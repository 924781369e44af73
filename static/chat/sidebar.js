/** The rooms at the side: they come, change their names, and go. */
import { on } from "chat/bus";
import { here } from "chat/here";

const sidebar = document.getElementById("sidebar");
const template = document.getElementById("room-entry");

export function entries() {
  return [...sidebar.querySelectorAll("[data-room]")];
}

export function find(id) {
  return sidebar.querySelector(`[data-room="${id}"]`);
}

function create({ id, name, kind }) {
  const entry = template.content.firstElementChild.cloneNode(true);
  const link = entry.querySelector("a");
  entry.dataset.room = id;
  link.href = link.getAttribute("href").replace("/0/", `/${id}/`);
  const list = sidebar.querySelector(`[data-rooms="${kind === "direct" ? "direct" : "rooms"}"]`);
  const next = [...list.children].find((other) => nameOf(other).localeCompare(name) > 0);
  list.insertBefore(entry, next ?? null);
  return entry;
}

function nameOf(entry) {
  return entry.querySelector(".name").textContent;
}

function update(room) {
  const entry = find(room.id) ?? create(room);
  entry.querySelector(".name").textContent = room.name;
  const title = document.querySelector(`[data-name-of="${room.id}"]`);
  if (title) title.textContent = room.name;
}

function leave(id) {
  find(id)?.remove();
  if (id === here?.id) location.assign(document.body.dataset.home);
}

on("welcome", ({ rooms }) => {
  const mine = new Set(rooms.map(({ id }) => id));
  const shown = entries().map(({ dataset }) => Number(dataset.room));
  shown.filter((id) => !mine.has(id)).forEach(leave);
  rooms.forEach(update);
});
on("room", update);
on("left", ({ room }) => leave(room));
