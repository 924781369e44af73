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

function create(id) {
  const entry = template.content.firstElementChild.cloneNode(true);
  const link = entry.querySelector("a");
  entry.dataset.room = id;
  link.href = link.getAttribute("href").replace("/0/", `/${id}/`);
  return entry;
}

/** By name, among the rooms of its kind. */
function place(entry, { name, kind }) {
  const list = sidebar.querySelector(`[data-rooms="${kind === "direct" ? "direct" : "rooms"}"]`);
  const others = [...list.children].filter((other) => other !== entry);
  list.insertBefore(entry, others.find((other) => nameOf(other).localeCompare(name) > 0) ?? null);
}

function nameOf(entry) {
  return entry.querySelector(".name").textContent;
}

function update(room) {
  const entry = find(room.id) ?? create(room.id);
  if (entry.isConnected && nameOf(entry) === room.name) return;
  entry.querySelector(".name").textContent = room.name;
  place(entry, room);
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
