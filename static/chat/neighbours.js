/** What a message shows of its place: a new day, or that it goes on from the one before. */
import { dayName, localise, sameDay } from "chat/times";

const TOGETHER = 5 * 60 * 1000; // what one person says within five minutes stands together

export function arrange(message) {
  if (!message) return;
  const before = message.previousElementSibling;
  const moment = saidAt(message);
  const newDay = !before || !sameDay(saidAt(before), moment);
  const day = message.querySelector(".day");
  day.hidden = !newDay;
  day.textContent = newDay ? dayName(moment) : "";
  localise(message.querySelector("time"));
  message.toggleAttribute("data-follows", !newDay && goesOn(before, message));
}

function goesOn(before, message) {
  return (
    before.dataset.author === message.dataset.author &&
    !message.dataset.replyTo &&
    message.querySelector(".unread-line").hidden &&
    saidAt(message) - saidAt(before) < TOGETHER
  );
}

function saidAt(message) {
  return new Date(message.querySelector("time").dateTime);
}
