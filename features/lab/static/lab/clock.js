/** The clock of the server, in seconds since this page began; all that is drawn is placed by it. */
import { on } from "chat/bus";

let ahead = -Infinity; // milliseconds of the server's clock before ours
let zero = 0;

/** No word of the server is from the future: the one that came fastest tells how far it is. */
function hear(milliseconds) {
  ahead = Math.max(ahead, milliseconds - Date.now());
  zero ||= milliseconds;
}

export function now() {
  return seconds(Date.now() + ahead);
}

export function seconds(milliseconds) {
  return (milliseconds - zero) / 1000;
}

on("lab.ready", (event) => hear(event.now));
on("lab.measured", ({ ended }) => hear(ended));
