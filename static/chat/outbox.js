/**
 * What is on its way. It is kept until the server has answered, through lost connections, closed
 * tabs and restarts, and said again with the same id: the server takes an id once, for ever.
 * All tabs of a person hold the same list; one that changes it tells the others.
 */
import { emit, on } from "chat/bus";
import { add, all, remove, save } from "chat/database";
import { me } from "chat/me";
import { uuid } from "chat/uuid";

const list = new Map(); // id -> entry, in the order in which it was said
const unkept = new Map(); // the same, but what the browser does not hold yet; null: gone
const tabs = new BroadcastChannel(`chat:outbox:${me.id}`);

export function post(room, body, replyTo) {
  const entry = { id: uuid(), room, body, reply_to: replyTo, created: new Date().toISOString() };
  change(entry.id, entry);
  emit("posted", entry);
}

export function entries() {
  return [...list.values()];
}

export function fail(id, why) {
  if (list.has(id)) change(id, { ...list.get(id), failed: why });
}

export function retry(id) {
  fail(id, undefined);
}

export function discard(id) {
  change(id, null);
}

/** Reads what is kept: at first, and whenever another tab may have changed it. */
export async function refresh() {
  const kept = await all().catch(() => []); // a browser that keeps nothing: this page has to do
  list.clear();
  for (const entry of kept) list.set(entry.id, entry);
  for (const [id, entry] of unkept) put(id, entry);
  emit("outbox");
}

function put(id, entry) {
  if (entry) list.set(id, entry);
  else list.delete(id);
}

/** Changes the list here at once, and elsewhere as soon as it is kept. */
async function change(id, entry, said) {
  const keep = list.has(id) ? save : add;
  put(id, entry);
  unkept.set(id, entry);
  emit("outbox");
  try {
    await (entry ? keep(entry) : remove(id));
    if (unkept.get(id) === entry) unkept.delete(id);
  } catch {} // then it lives as long as this page
  tabs.postMessage(said);
}

function said(answer) {
  if (!list.has(answer.id)) return;
  emit("said", answer);
  change(answer.id, null, answer);
}

tabs.onmessage = ({ data: answer }) => {
  if (answer) emit("said", answer);
  refresh();
};
on("ok", ({ id, room, version }) => id && said({ id, room, version }));
on("change", ({ message: { author, client_id: id, room, version } }) => {
  if (author.id === me.id) said({ id, room, version });
});
on("welcome", refresh);
refresh();
