/** What this page holds of each room: every change up to a number, and some that ran ahead. */
import { emit } from "chat/bus";
import { here } from "chat/here";

const rooms = new Map();
if (here) begin(here);

export function begin({ id, head }) {
  rooms.set(id, { id, number: head, head, ahead: new Set() });
}

export function forget(id) {
  rooms.delete(id);
}

export function get(id) {
  return rooms.get(Number(id));
}

/** Whether the page has seen this change already, here or further up than it reaches. */
export function holds(id, number) {
  return get(id)?.number >= number;
}

/** Takes a message of the wire in, whatever the order in which they come. */
export function take(message) {
  const room = get(message.room);
  if (!room) return;
  const isNew = message.position > room.number && !room.ahead.has(message.position);
  hold(room, message.position);
  hold(room, message.version);
  emit("change", { message, isNew });
}

/** All changes up to here are on the page, or were changed again since. */
export function reach(room, number) {
  while (room.number < number) hold(room, room.number + 1);
}

function hold(room, number) {
  if (number > room.number) room.ahead.add(number);
  while (room.ahead.delete(room.number + 1)) room.number += 1;
}
