/** Older messages come as one scrolls up, without the view jumping. */
import { emit, on } from "chat/bus";
import { timeline } from "chat/here";
import { ask } from "chat/history";
import { lowest } from "chat/places";
import { show } from "chat/timeline";
import { keepView, scroller } from "chat/view";

const loading = document.getElementById("older");
const beginning = document.getElementById("beginning");

export function hasMore() {
  return timeline.dataset.more === "true";
}

/** Asks for the page before. False if there is none, or no connection. */
export function loadOlder() {
  return hasMore() && ask("older", { before: lowest() });
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

on("page:older", ({ messages, more }) => {
  keepView(() => {
    settle(more);
    show(messages);
  });
  emit("older");
});
on("page:newest", ({ more }) => settle(more));
on("askable", lookAgain);
settle(hasMore());
