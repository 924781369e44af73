/** Shows what is on its way, until the timeline turns it into what was said. */
import { on } from "chat/bus";
import { here, timeline } from "chat/here";
import { me } from "chat/me";
import { create, fill } from "chat/message";
import { holds } from "chat/numbers";
import { discard, entries, retry } from "chat/outbox";
import { append, findPending } from "chat/timeline";
import { keepView } from "chat/view";

const UNNUMBERED = { id: "", position: "", version: 0 };
const UNTOUCHED = { html: null, edited: false, deleted: false, reactions: [] };

function show(entry) {
  if (entry.room !== here.id || timeline.querySelector(`[data-client-id="${entry.id}"]`)) return;
  const element = create();
  fill(element, { ...entry, ...UNNUMBERED, ...UNTOUCHED, client_id: entry.id, author: me });
  append(element);
  if (entry.failed) showFailure(element, entry.failed);
}

function showFailure(element, detail) {
  element.querySelector(".failure").hidden = false;
  element.querySelector(".why").textContent = `Not sent. ${detail}`;
}

/** Said already, before this page reaches back: it will not come again. */
function dropIfHeld({ id, room, version }) {
  if (id && holds(room, version)) findPending(id)?.remove();
}

on("posted", show);
on("failed", ({ id, detail }) => {
  const element = findPending(id);
  if (element) keepView(() => showFailure(element, detail));
});
on("ok", (answer) => queueMicrotask(() => dropIfHeld(answer)));
on("do:retry", (element) => {
  element.querySelector(".failure").hidden = true;
  retry(element.dataset.clientId);
});
on("do:discard", (element) => {
  discard(element.dataset.clientId);
  element.remove();
});
entries().forEach(show);
