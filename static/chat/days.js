/** "Today" is "Yesterday" tomorrow: a page that stays open finds the names of its days anew. */
import { on } from "chat/bus";
import { timeline } from "chat/here";
import { arrange } from "chat/neighbours";
import { sameDay } from "chat/times";

const MINUTE = 60_000; // milliseconds
let today = new Date();

function look() {
  const now = new Date();
  if (sameDay(today, now)) return;
  today = now;
  [...timeline.children].forEach(arrange);
}

setInterval(look, MINUTE);
document.addEventListener("visibilitychange", look);
on("shown", look);
