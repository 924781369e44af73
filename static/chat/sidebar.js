/** The rooms at the side, and what is unread in each. */
import { emit, on } from "chat/bus";
import { here } from "chat/here";
import { me } from "chat/me";

const template = document.getElementById("room-entry");
const arrived = new Map(); // room -> positions of what came since the page was opened and is unread
let most = 100;

function find(id) {
  return document.querySelector(`.sidebar [data-room="${id}"]`);
}

function count(entry, unread) {
  const badge = entry.querySelector(".unread");
  entry.dataset.unread = unread;
  badge.hidden = !unread;
  badge.firstElementChild.textContent = unread >= most ? `${most - 1}+` : unread;
  total();
}

function total() {
  const entries = [...document.querySelectorAll(".sidebar [data-unread]")];
  emit("unread", entries.reduce((sum, { dataset }) => sum + Number(dataset.unread), 0));
}

function create({ id, name, kind }) {
  const entry = template.content.firstElementChild.cloneNode(true);
  const link = entry.querySelector("a");
  entry.dataset.room = id;
  link.href = link.getAttribute("href").replace("/0/", `/${id}/`);
  const list = document.querySelector(`[data-rooms="${kind === "direct" ? "direct" : "rooms"}"]`);
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
  arrived.delete(room.id);
  count(entry, room.unread);
  for (const title of document.querySelectorAll(`[data-name-of="${room.id}"]`)) title.textContent = room.name;
}

function leave(id) {
  find(id)?.remove();
  total();
  if (id === here?.id) location.assign(document.body.dataset.home);
}

function readUpTo(id, position) {
  const entry = find(id);
  const later = (arrived.get(id) ?? []).filter((other) => other > position);
  arrived.set(id, later);
  if (entry) count(entry, later.length);
}

function countMessage({ room, position, author, deleted }, isNew) {
  const entry = find(room);
  const positions = arrived.get(room) ?? [];
  const unread = Number(entry?.dataset.unread ?? 0);
  if (!entry) return;
  if (isNew && author.id === me.id) return readUpTo(room, position);
  if (isNew && !deleted) {
    arrived.set(room, [...positions, position]);
    count(entry, Math.min(most, unread + 1));
  }
  if (!isNew && deleted && positions.includes(position)) {
    arrived.set(room, positions.filter((other) => other !== position));
    count(entry, Math.max(0, unread - 1));
  }
}

on("welcome", ({ rooms, limits }) => {
  most = limits.unread;
  const mine = new Set(rooms.map(({ id }) => id));
  const shown = [...document.querySelectorAll(".sidebar [data-room]")].map(({ dataset }) => Number(dataset.room));
  shown.filter((id) => !mine.has(id)).forEach(leave);
  rooms.forEach(update);
});
on("room", update);
on("left", ({ room }) => leave(room));
on("read", ({ room, position }) => readUpTo(room, position));
on("change", ({ message, isNew }) => countMessage(message, isNew));
