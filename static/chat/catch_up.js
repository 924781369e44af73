/** A number higher than the page's own means that something was lost: it asks what came since. */
import { backoff } from "chat/backoff";
import { emit, on } from "chat/bus";
import { here } from "chat/here";
import { begin, forget, get, reach, take } from "chat/numbers";
import { send } from "chat/socket";

const REF = "sync:";
const PATIENCE = 15_000; // milliseconds; an answer that takes longer is asked for again
const PASSING = ["rate_limited", "unavailable"]; // the same may succeed later
const timers = new Map(); // room -> when it is asked for, again
let attempt = 0;
let had = 0; // the number of the room on the page when the connection was lost

/** A head may run before the changes that lead to it: they get a moment to arrive. */
function expect(id, head) {
  const room = get(id);
  if (!room) return;
  room.head = Math.max(room.head, head);
  if (room.head > room.number && !timers.has(room.id)) askIn(100 + Math.random() * 100, room.id);
}

function askIn(milliseconds, id) {
  clearTimeout(timers.get(id));
  timers.set(id, setTimeout(ask, milliseconds, id));
}

function settle(id) {
  clearTimeout(timers.get(id));
  timers.delete(id);
}

function ask(id) {
  settle(id);
  const room = get(id);
  if (!room || room.head <= room.number) return emit("level", id);
  if (!send({ type: "sync", room: id, since: room.number, ref: REF + id })) return;
  askIn(PATIENCE, id);
  emit("behind", id);
}

on("sync", ({ room: id, messages, head, more }) => {
  const room = get(id);
  settle(id);
  attempt = 0;
  if (!room) return;
  messages.forEach(take);
  const last = messages.at(-1)?.version ?? 0;
  reach(room, more ? last : Math.max(head, last));
  if (more) return ask(id);
  if (room.head <= room.number) emit("level", id);
  expect(id, head);
});
on("error", ({ ref, code }) => {
  if (!ref?.startsWith(REF)) return;
  const id = Number(ref.slice(REF.length));
  settle(id);
  if (PASSING.includes(code)) askIn(backoff(attempt++), id);
});

on("message", (message) => {
  take(message);
  expect(message.room, message.version);
});
on("ok", ({ room, version }) => room && expect(room, version));
on("heartbeat", ({ heads }) => {
  for (const [id, head] of Object.entries(heads)) expect(id, head);
});

on("disconnected", () => (had = get(here?.id)?.number ?? 0));

// The room on the page catches up; of the others the welcome says all that the side bar shows.
on("welcome", ({ rooms }) => {
  [...timers.keys()].forEach(settle);
  // The server knows less than the page: its database is a backup, in which numbers come again.
  if (rooms.some(({ id, head }) => id === here?.id && head < had)) return location.reload();
  for (const room of rooms) {
    if (room.id !== here?.id || !get(room.id)) begin(room);
    else expect(room.id, room.head);
  }
  if (here) ask(here.id); // it is late enough
});
on("room", (room) => (get(room.id) ? expect(room.id, room.head) : begin(room)));
on("left", ({ room }) => forget(room));
