/** An answer shows what it answers, and leads there. */
import { on } from "chat/bus";
import { timeline } from "chat/here";
import { nameOf, textOf } from "chat/message";
import { loadOlder } from "chat/older";
import { find } from "chat/timeline";
import { notify } from "chat/toast";
import { keepView, lookAt } from "chat/view";

let wanted = null;

function render() {
  for (const answer of timeline.querySelectorAll('[data-reply-to]:not([data-reply-to=""])')) {
    const target = find(answer.dataset.replyTo);
    const quote = answer.querySelector(".quote");
    quote.hidden = false;
    quote.textContent = target ? `${nameOf(target)}: ${textOf(target)}` : "An earlier message";
  }
}

/** Goes to the message that is wanted, through as many older pages as it takes. */
function seek() {
  if (!wanted) return;
  const target = find(wanted);
  if (!target && loadOlder()) return;
  wanted = null;
  if (!target) return notify("That message cannot be loaded just now.");
  lookAt(target);
  target.focus({ preventScroll: true });
  target.dataset.found = "";
  target.addEventListener("animationend", () => delete target.dataset.found, { once: true });
}

timeline.addEventListener("click", ({ target }) => {
  const quote = target.closest(".quote");
  if (!quote) return;
  wanted = quote.closest(".message").dataset.replyTo;
  seek();
});
on("older", () => {
  keepView(render);
  seek();
});
on("newer", () => keepView(render));
on("shown", () => keepView(render));
on("pending", () => keepView(render));
on("disconnected", () => (wanted = null));
keepView(render);
