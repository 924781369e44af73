/** Older messages come as one scrolls up, without the view jumping. */
import { backoff } from "chat/backoff";
import { emit, on } from "chat/bus";
import { here, timeline } from "chat/here";
import { lowest } from "chat/places";
import { send } from "chat/socket";
import { show } from "chat/timeline";
import { keepView, scroller } from "chat/view";

const REF = "older";
const loading = document.getElementById("older");
const beginning = document.getElementById("beginning");
let asked = false;

export function hasMore() {
  return timeline.dataset.more === "true";
}

/** Asks for the page before. False if there is none, or no connection. */
export function loadOlder() {
  if (!hasMore()) return false;
  if (!asked) asked = send({ type: "history", room: here.id, before: lowest(), ref: REF });
  return asked;
}

const observer = new IntersectionObserver(
  ([entry]) => entry.isIntersecting && loadOlder(),
  { root: scroller, rootMargin: "800px 0px 0px" },
);

/** An observer speaks when something changes; asked anew, it says how things stand. */
function lookAgain() {
  observer.unobserve(loading);
  if (hasMore()) observer.observe(loading);
}

function settle(more) {
  timeline.dataset.more = more;
  loading.hidden = !more;
  beginning.hidden = more;
}

on("history", ({ room, messages, more }) => {
  if (room !== here.id) return;
  asked = false;
  keepView(() => {
    settle(more);
    show(messages);
  });
  emit("older");
  lookAgain();
});
on("welcome", () => {
  asked = false;
  lookAgain();
});
on("error", ({ ref }) => {
  if (ref !== REF) return;
  asked = false;
  setTimeout(lookAgain, backoff(2));
});
settle(hasMore());
