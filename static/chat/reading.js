/** What is on the screen of somebody who looks at it is read. */
import { emit, on } from "chat/bus";
import { here, timeline } from "chat/here";
import { send } from "chat/socket";
import { newest } from "chat/places";
import { isFollowing } from "chat/view";

const PAUSE = 300; // milliseconds
let seen = Number(timeline.dataset.read);
let told = seen;
let timer;

function isLooking() {
  return document.visibilityState === "visible" && document.hasFocus() && isFollowing();
}

/** The page knows at once, the server when nothing more comes for a moment. */
function look() {
  const position = Number(newest()?.dataset.position ?? 0);
  if (!isLooking() || position <= told) return;
  emit("read", { room: here.id, position });
  clearTimeout(timer);
  timer = setTimeout(tell, PAUSE);
}

function tell() {
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
