/** The messages of the room, each at its position and in its newest version. */
import { emit, on } from "chat/bus";
import { here, timeline } from "chat/here";
import { create, fill } from "chat/message";
import { arrange } from "chat/neighbours";
import { insert, lowest } from "chat/places";
import { keepView } from "chat/view";

const byId = new Map();
const beyond = new Map(); // changes further up than the page reaches: they may overtake its history
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

/** A message further up than the page reaches will come with the history. */
function isOutOfReach({ id, position }) {
  return timeline.dataset.more === "true" && !byId.has(id) && position < lowest();
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
