/** A page that was opened at a message begins there. */
import { timeline } from "chat/here";
import { lookAt } from "chat/view";

const message = timeline.querySelector("[aria-current]");
if (message) {
  lookAt(message);
  message.focus({ preventScroll: true });
}
