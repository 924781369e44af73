/** The timeline by keyboard: up and down from message to message, left and right within one. */
import { on } from "chat/bus";
import { field } from "chat/composer";
import { timeline } from "chat/here";
import { newest } from "chat/places";
import { press } from "chat/tools";

const DOES = { e: "edit", r: "reply", "+": "react", Delete: "delete" };
const GOES = {
  ArrowUp: (message) => message.previousElementSibling,
  ArrowDown: (message) => message.nextElementSibling ?? field,
  Home: () => timeline.firstElementChild,
  End: () => timeline.lastElementChild,
  Escape: () => field,
};

/** One message is a stop of the Tab key: the one last visited, or else the newest. */
function makeStop(message) {
  timeline.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
  message?.setAttribute("tabindex", "0");
}

function within(message, key, focused) {
  const inside = [...message.querySelectorAll("button, a")];
  const stops = [message, ...inside.filter((stop) => stop.checkVisibility())];
  return stops[stops.indexOf(focused) + (key === "ArrowRight" ? 1 : -1)];
}

timeline.addEventListener("focusin", ({ target }) => makeStop(target.closest(".message")));
timeline.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const message = event.target.closest(".message");
  if (!message) return;
  if (press(message, DOES[event.key])) return event.preventDefault();
  const next = /^Arrow(Left|Right)$/.test(event.key)
    ? within(message, event.key, event.target)
    : GOES[event.key]?.(message);
  if (!next) return;
  event.preventDefault();
  next.focus();
});
on("shown", () => timeline.contains(document.activeElement) || makeStop(newest()));
makeStop(newest());
