/** A number higher than the page's own means that something was lost: it asks what came since. */
import { emit, on } from "chat/bus";
import { here } from "chat/here";
import { begin, forget, get, reach, take } from "chat/numbers";
import { send } from "chat/socket";

const REF = "sync:";
const asked = new Set();
const waiting = new Set();

/** A head may run before the changes that lead to it: they get a moment to arrive. */
function expect(id, head) {
  const room = get(id);
  if (!room) return;
  room.head = Math.max(room.head, head);
  if (room.head <= room.number || waiting.has(room.id)) return;
  waiting.add(room.id);
  setTimeout(ask, 100 + Math.random() * 100, room.id);
}

function ask(id) {
  waiting.delete(id);
  const room = get(id);
  if (!room || room.head <= room.number || asked.has(id)) return;
  if (!send({ type: "sync", room: id, since: room.number, ref: REF + id })) return;
  asked.add(id);
  emit("behind", id);
}

on("sync", ({ room: id, messages, head, more }) => {
  const room = get(id);
  asked.delete(id);
  if (!room) return;
  messages.forEach(take);
  reach(room, more ? messages.at(-1).version : head);
  room.head = Math.max(room.head, head);
  if (more) return ask(id);
  emit("level", id);
  expect(id, head);
});
on("error", ({ ref }) => ref?.startsWith(REF) && asked.delete(Number(ref.slice(REF.length))));

on("message", (message) => {
  take(message);
  expect(message.room, message.version);
});
on("ok", ({ room, version }) => room && expect(room, version));
on("heartbeat", ({ heads }) => {
  for (const [id, head] of Object.entries(heads)) expect(id, head);
});

// The room on the page catches up; of the others the welcome says all that the side bar shows.
on("welcome", ({ rooms }) => {
  asked.clear();
  for (const room of rooms) room.id === here?.id ? expect(room.id, room.head) : begin(room);
});
on("room", (room) => get(room.id) || begin(room));
on("left", ({ room }) => forget(room));
