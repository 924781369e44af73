/** A reaction under a message is put there, or taken away, with a click. */
import { act } from "chat/act";
import { timeline } from "chat/here";
import { me } from "chat/me";

export function toggle(message, emoji) {
  const chip = message.querySelector(`.reaction[data-emoji="${CSS.escape(emoji)}"]`);
  const mine = (chip?.dataset.users ?? "").split(",").includes(String(me.id));
  act({ type: "react", message: Number(message.dataset.id), emoji, on: !mine });
}

timeline.addEventListener("click", ({ target }) => {
  const chip = target.closest(".reaction");
  if (chip) toggle(chip.closest(".message"), chip.dataset.emoji);
});
