/** The messages of the room, each at its position and in its newest version. */
import { emit, on } from "chat/bus";
import { hasNewer, here, timeline } from "chat/here";
import { create, fill } from "chat/message";
import { arrange } from "chat/neighbours";
import { highest, insert, lowest } from "chat/places";
import { keepView } from "chat/view";

const byId = new Map();
const beyond = new Map(); // changes where the page does not reach: they may overtake its history
const waiting = []; // changes that came in one frame are shown together

for (const element of timeline.children) {
  byId.set(Number(element.dataset.id), element);
  arrange(element);
}

export function find(id) {
  return byId.get(Number(id));
}

/** What is on its way comes last. */
export function findPending(clientId) {
  let element = timeline.lastElementChild;
  while (element && !element.dataset.id && element.dataset.clientId !== clientId) {
    element = element.previousElementSibling;
  }
  return element && !element.dataset.id ? element : null;
}

/** Shows messages of the wire: what is new at its place, what has changed where it stands. */
export function show(messages) {
  keepView(() => {
    for (const message of messages) {
      place(message);
      if (beyond.has(message.id)) place(beyond.get(message.id));
    }
  });
}

/** Shows what was kept out as long as something between was missing. */
export function showHeld() {
  const held = [...beyond.values()].filter((message) => !find(message.id) && !isOutOfReach(message));
  show(held);
  emit("shown", held.map(({ id }) => ({ element: find(id), isNew: false })));
}

/** Begins anew with other messages; what is on its way stays. */
export function replace(messages) {
  for (const element of byId.values()) element.remove();
  byId.clear();
  show(messages);
}

/** Shows what is being sent after all that was said. */
export function append(element) {
  keepView(() => insert(element, Infinity));
}

function place(message) {
  const held = find(message.id) ?? findPending(message.client_id);
  if (held && Number(held.dataset.version) >= message.version) return;
  const element = held ?? create();
  const stands = Boolean(held?.dataset.id);
  fill(element, message);
  byId.set(message.id, element);
  if (!stands) insert(element, message.position);
  arrange(element);
}

/** A message where the page does not reach will come with the history. */
function isOutOfReach({ id, position }) {
  if (byId.has(id)) return false;
  if (hasNewer() && position > highest()) return true;
  return timeline.dataset.more === "true" && position < lowest();
}

function flush() {
  const changes = waiting.splice(0);
  show(changes.map(({ message }) => message));
  emit("shown", changes.map(({ message, isNew }) => ({ element: find(message.id), isNew })));
}

on("change", (change) => {
  const { message } = change;
  if (message.room !== here.id) return;
  if (isOutOfReach(message)) return beyond.set(message.id, message);
  if (waiting.push(change) === 1) queueMicrotask(flush);
});
