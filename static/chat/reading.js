/** What is on the screen of somebody who looks at it is read. */
import { emit, on } from "chat/bus";
import { here, timeline } from "chat/here";
import { get } from "chat/numbers";
import { newest } from "chat/places";
import { send } from "chat/socket";
import { isFollowing } from "chat/view";

const PAUSE = 300; // milliseconds
let seen = Number(timeline.dataset.read);
let told = seen;
let timer = null;

function isLooking() {
  return document.visibilityState === "visible" && document.hasFocus() && isFollowing();
}

/**
 * The page knows at once, the server a moment later, however much comes meanwhile. It is the number
 * up to which the page holds everything: short of what the server counted, something is missing.
 */
function look() {
  const position = get(here.id).number;
  const isNews = Number(newest()?.dataset.position ?? 0) > told;
  if (!isLooking() || !isNews || position <= told) return;
  emit("read", { room: here.id, position });
  timer ??= setTimeout(tell, PAUSE);
}

function tell() {
  clearTimeout(timer);
  timer = null;
  if (seen <= told) return;
  if (send({ type: "read", room: here.id, position: seen })) told = seen;
}

on("read", ({ room, position }) => {
  if (room === here.id) seen = Math.max(seen, position);
});
on("welcome", ({ rooms }) => {
  told = rooms.find(({ id }) => id === here.id)?.read ?? told; // what was told last may be lost
  look();
});
on("shown", look);
on("scrolled", look);
document.addEventListener("visibilitychange", look);
addEventListener("focus", look);
addEventListener("pagehide", tell);
