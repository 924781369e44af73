/** "Unread from here": before the first message not seen yet when the room was opened. */
import { on } from "chat/bus";
import { timeline } from "chat/here";
import { arrange } from "chat/neighbours";
import { follow, keepView, lookAt } from "chat/view";

const read = Number(timeline.dataset.read);
const opened = Number(timeline.dataset.head);

function isUnread({ dataset }) {
  const position = Number(dataset.position);
  return position > read && position <= opened && !("own" in dataset) && !("deleted" in dataset);
}

function draw() {
  const first = [...timeline.children].find(isUnread);
  for (const message of timeline.children) {
    const line = message.querySelector(".unread-line");
    if (line.hidden === (message !== first)) continue;
    line.hidden = message !== first;
    arrange(message);
  }
  return first;
}

on("older", () => keepView(draw));
on("newer", () => keepView(draw));
const first = draw();
if (first) lookAt(first, "start");
else follow();
