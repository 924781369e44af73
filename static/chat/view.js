/** Where the reader looks: it stays there, whatever happens above, or follows the talk. */
import { emit } from "chat/bus";
import { hasNewer, timeline } from "chat/here";

const NEAR = 48; // pixels

export const scroller = document.getElementById("scroller");
let following = true;
let last = 0;

export function isFollowing() {
  return following;
}

export function follow() {
  following = !hasNewer(); // the end of the page is not the end of the talk then
  scroller.scrollTop = scroller.scrollHeight;
  last = scroller.scrollTop;
}

/** Brings a message into sight and stays there. */
export function lookAt(element, block = "center") {
  following = false;
  element.scrollIntoView({ block });
  look();
}

/** Makes a change to the timeline without moving what the reader sees. */
export function keepView(change) {
  const anchor = following ? null : firstInSight();
  const before = anchor?.getBoundingClientRect().bottom; // above it a day's line may come or go
  change();
  if (anchor) scroller.scrollTop += anchor.getBoundingClientRect().bottom - before;
  else if (following) follow();
}

function firstInSight() {
  const top = scroller.getBoundingClientRect().top;
  return [...timeline.children].find((element) => element.getBoundingClientRect().bottom > top);
}

/** Only who scrolls up stops following: the end may also move away, when something grows. */
export function look() {
  const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
  following = !hasNewer() && (near || (following && scroller.scrollTop >= last));
  last = scroller.scrollTop;
  emit("scrolled", following);
}

scroller.addEventListener("scroll", look, { passive: true });
// The composer grows, a keyboard opens, a font arrives: the end stays the end.
const sizes = new ResizeObserver(() => following && follow());
sizes.observe(scroller);
sizes.observe(timeline);
