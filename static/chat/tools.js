/** The buttons of a message. Others know what they mean: this says `do:reply` and so on. */
import { emit, on } from "chat/bus";
import { here, timeline } from "chat/here";

timeline.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-do]");
  if (button) emit(`do:${button.dataset.do}`, button.closest(".message"));
});

/** As if the button was pressed. One that is not shown is not for this person. */
export function press(element, what) {
  const button = element?.querySelector(`[data-do="${what}"]`);
  if (!button?.checkVisibility()) return false;
  button.click();
  return true;
}

/** What a person may do with the messages of others hangs on their role; see timeline.css. */
function takeRole({ id, role }) {
  if (id === here.id) timeline.dataset.role = role;
}

on("room", takeRole);
on("welcome", ({ rooms }) => rooms.forEach(takeRole));
