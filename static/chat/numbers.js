/** The number up to which this page holds every change of a room. A higher one: something was lost. */
import { emit, on } from "chat/bus";
import { here } from "chat/here";
import { send } from "chat/socket";

const rooms = new Map();
if (here) begin(here);

function begin({ id, head }) {
  rooms.set(id, { number: head, head, ahead: new Set(), asked: false, timer: 0 });
}

/** Whether the page has seen this change already, here or further up than it reaches. */
export function holds(id, number) {
  return rooms.get(id)?.number >= number;
}

/** A head may run before the changes that lead to it: they get a moment to arrive. */
function expect(id, head) {
  const room = rooms.get(id);
  if (!room) return;
  room.head = Math.max(room.head, head);
  if (room.head <= room.number || room.timer) return;
  room.timer = setTimeout(() => {
    room.timer = 0;
    if (room.head > room.number) ask(id, room);
  }, 100 + Math.random() * 100);
}

function ask(id, room) {
  if (room.asked) return;
  room.asked = send({ type: "sync", room: id, since: room.number, ref: `sync:${id}` });
  if (room.asked) emit("behind", id);
}

function take(message) {
  const room = rooms.get(message.room);
  if (!room) return;
  const isNew = message.position > room.number && !room.ahead.has(message.position);
  hold(room, message.position);
  hold(room, message.version);
  emit("change", { message, isNew });
}

function hold(room, number) {
  if (number > room.number) room.ahead.add(number);
  while (room.ahead.delete(room.number + 1)) room.number += 1;
}

function reach(room, number) {
  while (room.number < number) hold(room, room.number + 1);
}

on("message", (message) => {
  take(message);
  expect(message.room, message.version);
});

on("sync", ({ room: id, messages, head, more }) => {
  const room = rooms.get(id);
  if (!room) return;
  messages.forEach(take);
  room.asked = false;
  reach(room, more ? messages.at(-1).version : head);
  if (more) return ask(id, room);
  emit("level", id);
  expect(id, head);
});

// The room on the page catches up; of the others the welcome says all that the side bar shows.
on("welcome", (welcome) => {
  for (const room of rooms.values()) room.asked = false;
  for (const room of welcome.rooms) room.id === here?.id ? expect(room.id, room.head) : begin(room);
});
on("error", ({ ref }) => ref?.startsWith("sync:") && (rooms.get(Number(ref.slice(5))).asked = false));
on("heartbeat", ({ heads }) => Object.entries(heads).forEach(([id, head]) => expect(Number(id), head)));
on("ok", ({ room, version }) => room && expect(room, version));
on("room", (room) => rooms.has(room.id) || begin(room));
on("left", ({ room }) => rooms.delete(room));
