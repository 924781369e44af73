/** Shows what is on its way, until the timeline turns it into what was said. */
import { emit, on } from "chat/bus";
import { hasNewer, here, timeline } from "chat/here";
import { me } from "chat/me";
import { create, fill } from "chat/message";
import { holds } from "chat/numbers";
import { discard, entries, retry } from "chat/outbox";
import { append, findPending } from "chat/timeline";
import { keepView } from "chat/view";

const UNNUMBERED = { id: "", position: "", version: 0 };
const UNTOUCHED = { html: null, edited: false, deleted: false, reactions: [] };

function render() {
  const ours = entries().filter(({ room }) => room === here.id);
  keepView(() => {
    removeAllBut(new Set(ours.map(({ id }) => id)));
    ours.forEach(show);
  });
  emit("pending");
}

/** What was said stays: the timeline is about to turn it into a message. */
function removeAllBut(ids) {
  for (const element of timeline.querySelectorAll("[data-pending]:not([data-said])")) {
    if (!ids.has(element.dataset.clientId)) element.remove();
  }
}

function show(entry) {
  if (!timeline.querySelector(`[data-client-id="${entry.id}"]`)) append(made(entry));
  const element = findPending(entry.id);
  if (element) showState(element, entry);
}

function made(entry) {
  const element = create();
  fill(element, { ...entry, ...UNNUMBERED, ...UNTOUCHED, client_id: entry.id, author: me });
  return element;
}

function showState(element, { failed }) {
  element.toggleAttribute("data-failed", Boolean(failed));
  element.querySelector(".why").textContent = `Not sent. ${failed}`;
  element.querySelector(".failure").hidden = !failed;
}

on("outbox", render);
on("said", ({ id, room, version }) => {
  const element = findPending(id);
  if (!element) return;
  element.dataset.said = "";
  // Said already, before this page reaches back, it will not come again. And where the page does
  // not reach the newest it comes with what is between.
  queueMicrotask(() => (holds(room, version) || hasNewer()) && findPending(id)?.remove());
});
on("do:retry", ({ dataset }) => retry(dataset.clientId));
on("do:discard", ({ dataset }) => discard(dataset.clientId));
