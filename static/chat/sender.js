/** Sends what is on its way, one after the other: each is answered before the next is sent. */
import { backoff } from "chat/backoff";
import { emit, on } from "chat/bus";
import { me } from "chat/me";
import { entries, fail, refresh } from "chat/outbox";
import { send } from "chat/socket";

const REF = "send:";
const PATIENCE = 10_000; // milliseconds; an answer that takes longer is asked for again
const PASSING = ["rate_limited", "unavailable"]; // the same may succeed later

let draining = false;
let current = null;
let settle = null;
let attempt = 0;

/** One tab at a time. Plain HTTP has no locks: there the tabs may repeat each other, no more. */
function alone(work) {
  return navigator.locks ? navigator.locks.request(`chat:outbox:${me.id}`, work) : work();
}

function next() {
  return entries().find(({ failed }) => !failed);
}

async function drain() {
  if (draining || !next()) return;
  draining = true;
  await alone(async () => {
    await refresh(); // another tab may have sent some of it meanwhile
    for (let entry; (entry = next()) && (await deliver(entry)); );
    draining = false;
  });
}

/** Whether there is still a connection for the next one. */
async function deliver({ id, room, body, reply_to }) {
  if (!send({ type: "send", ref: REF + id, room, id, body, reply_to })) return false;
  current = id;
  const { outcome, code, detail } = await happens(PATIENCE);
  if (outcome === "lost") return false;
  if (outcome === "silence") emit("doubt", false);
  if (outcome === "silence" || PASSING.includes(code)) return pause();
  if (outcome === "refused") fail(id, detail);
  attempt = 0;
  return true;
}

async function pause() {
  const { outcome } = await happens(backoff(attempt++));
  return outcome !== "lost";
}

/** What becomes of the current one, or of the connection; or silence, for so long. */
function happens(milliseconds) {
  return new Promise((resolve) => {
    settle = resolve;
    setTimeout(resolve, milliseconds, { outcome: "silence" });
  });
}

on("said", ({ id }) => id === current && settle({ outcome: "said" }));
on("error", ({ ref, code, detail }) => {
  if (ref === REF + current) settle({ outcome: "refused", code, detail });
});
on("disconnected", () => settle?.({ outcome: "lost" }));
on("outbox", drain);
on("welcome", drain);
