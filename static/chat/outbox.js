/**
 * What is on its way. It is kept until the server has answered, through lost connections and closed
 * tabs, and said again with the same id: the server takes an id once, for ever.
 */
import { emit, on } from "chat/bus";
import { me } from "chat/me";
import { send } from "chat/socket";
import { keys, load, remove, save } from "chat/store";
import { uuid } from "chat/uuid";

const PREFIX = `chat:outbox:${me.id}:`;
const REF = "send:";

export function post(room, body, replyTo) {
  const entry = { id: uuid(), room, body, reply_to: replyTo, created: new Date().toISOString() };
  keep(entry);
  emit("posted", entry);
  transmit(entry);
}

/** All that is on its way, in the order in which it was said. */
export function entries() {
  const kept = keys(PREFIX).map((key) => JSON.parse(load(key)));
  return kept.sort((one, other) => one.created.localeCompare(other.created));
}

export function retry(id) {
  const entry = read(id);
  if (!entry) return;
  delete entry.failed;
  keep(entry);
  transmit(entry);
}

export function discard(id) {
  remove(PREFIX + id);
}

function read(id) {
  return JSON.parse(load(PREFIX + id));
}

function keep(entry) {
  save(PREFIX + entry.id, JSON.stringify(entry));
}

function transmit({ id, room, body, reply_to }) {
  send({ type: "send", ref: REF + id, room, id, body, reply_to });
}

function fail(id, detail) {
  const entry = read(id);
  if (!entry) return;
  keep({ ...entry, failed: detail });
  emit("failed", { id, detail });
}

on("welcome", () => entries().filter((entry) => !entry.failed).forEach(transmit));
on("ok", ({ id }) => id && discard(id));
on("change", ({ message }) => message.author.id === me.id && discard(message.client_id));
on("error", ({ ref, detail }) => ref?.startsWith(REF) && fail(ref.slice(REF.length), detail));
