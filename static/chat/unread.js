/** What is unread in each room: counted by the server, and from then on by the page. */
import { emit, on } from "chat/bus";
import { me } from "chat/me";
import { entries, find } from "chat/sidebar";

const arrived = new Map(); // room -> positions of what came since the server counted
const counted = new Map(); // room -> the number up to which the server counted
const read = new Map(); // room -> how far was read, here or in a tab that was ahead
let most = Infinity;

function show(id, unread) {
  const entry = find(id);
  if (!entry) return;
  const badge = entry.querySelector(".unread");
  entry.dataset.unread = unread;
  badge.hidden = !unread;
  badge.firstElementChild.textContent = unread >= most ? `${most - 1}+` : unread;
  total();
}

function total() {
  emit("unread", entries().reduce((sum, { dataset }) => sum + Number(dataset.unread ?? 0), 0));
}

function shown(id) {
  return Number(find(id)?.dataset.unread ?? 0);
}

function since(id) {
  return arrived.get(id) ?? [];
}

function adopt({ id, head, unread }) {
  arrived.delete(id);
  counted.set(id, head);
  show(id, unread);
}

/** Who has not read all that was counted has read nobody knows how much of it: the count stays. */
function readUpTo({ room, position }) {
  read.set(room, Math.max(position, read.get(room) ?? 0));
  if (position < (counted.get(room) ?? 0)) return;
  arrived.set(room, since(room).filter((other) => other > position));
  show(room, since(room).length);
}

function add({ room, position }) {
  if (position <= (counted.get(room) ?? 0)) return; // what `sync` brings has been counted
  if (position <= (read.get(room) ?? 0)) return;
  arrived.set(room, [...since(room), position]);
  show(room, Math.min(most, shown(room) + 1));
}

function remove({ room, position }) {
  if (!since(room).includes(position)) return;
  arrived.set(room, since(room).filter((other) => other !== position));
  show(room, shown(room) - 1);
}

on("welcome", ({ rooms, limits }) => {
  most = limits.unread;
  rooms.forEach(adopt);
});
on("room", adopt);
on("left", total);
on("read", readUpTo);
on("change", ({ message, isNew }) => {
  if (message.deleted) return remove(message);
  if (!isNew) return;
  if (message.author.id === me.id) readUpTo(message); // who answers has read what came before
  else add(message);
});
