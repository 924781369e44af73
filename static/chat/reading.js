/** What is on the screen of somebody who looks at it is read. */
import { emit, on } from "chat/bus";
import { here, timeline } from "chat/here";
import { send } from "chat/socket";
import { newest } from "chat/timeline";
import { isFollowing } from "chat/view";

const PAUSE = 300; // milliseconds
let read = Number(timeline.dataset.read);
let timer;

function isLooking() {
  return document.visibilityState === "visible" && document.hasFocus() && isFollowing();
}

function tell() {
  const position = Number(newest()?.dataset.position ?? 0);
  if (!isLooking() || position <= read) return;
  if (send({ type: "read", room: here.id, position })) emit("read", { room: here.id, position });
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(tell, PAUSE);
}

on("read", ({ room, position }) => {
  if (room === here.id) read = Math.max(read, position);
});
for (const type of ["welcome", "shown", "scrolled"]) on(type, soon);
document.addEventListener("visibilitychange", soon);
addEventListener("focus", soon);
