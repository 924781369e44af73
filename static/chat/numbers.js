/**
 * What this page knows of each room: the number up to which it holds every change. A higher number
 * seen anywhere means that something was lost, and the server is asked for what came since.
 */
import { emit, on } from "chat/bus";
import { here } from "chat/here";
import { send } from "chat/socket";

const rooms = new Map();
if (here) begin(here.id, here.head);

function begin(id, number) {
  rooms.set(id, { number, ahead: new Set(), asked: false, timer: 0 });
}

/** A head may run before the changes that lead to it: they get a moment to arrive. */
function expect(id, head) {
  const room = rooms.get(id);
  if (!room || head <= room.number || room.timer) return;
  room.timer = setTimeout(() => {
    room.timer = 0;
    if (head > room.number) ask(id, room);
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
  room.number = Math.max(room.number, number);
  room.ahead = new Set([...room.ahead].filter((ahead) => ahead > room.number));
  hold(room, room.number);
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
});

// The room on the page catches up; of the others the welcome says all that the side bar shows.
on("welcome", (welcome) => {
  for (const room of rooms.values()) room.asked = false;
  for (const { id, head } of welcome.rooms) id === here?.id ? expect(id, head) : begin(id, head);
});
on("disconnected", () => emit("level", here?.id));
on("error", ({ ref }) => ref?.startsWith("sync:") && (rooms.get(Number(ref.slice(5))).asked = false));
on("heartbeat", ({ heads }) => Object.entries(heads).forEach(([id, head]) => expect(Number(id), head)));
on("ok", ({ room, version }) => room && expect(room, version));
on("room", ({ id, head }) => rooms.has(id) || begin(id, head));
on("left", ({ room }) => rooms.delete(room));
