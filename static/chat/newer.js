/** Newer messages come as one scrolls down, on a page that was opened further up. */
import { emit, on } from "chat/bus";
import { hasNewer, timeline } from "chat/here";
import { ask } from "chat/history";
import { highest } from "chat/places";
import { show, showHeld } from "chat/timeline";
import { keepView, look, scroller } from "chat/view";

const loading = document.getElementById("newer");

const observer = new IntersectionObserver(
  ([entry]) => entry.isIntersecting && ask("newer", { after: highest() }),
  { root: scroller, rootMargin: "0px 0px 800px" },
);

/** An observer speaks when something changes; asked anew, it says how things stand. */
function lookAgain() {
  observer.unobserve(loading);
  if (hasNewer()) observer.observe(loading);
}

/** Once the page reaches the newest message, what was said meanwhile follows. */
export function settleNewer(more) {
  timeline.dataset.newer = more;
  loading.hidden = !more;
  if (!more) showHeld();
}

on("page:newer", ({ messages, more }) => {
  keepView(() => {
    show(messages);
    settleNewer(more);
  });
  emit("newer");
  look();
});
on("askable", lookAgain);
