/** Where one writes: Enter sends, Shift and Enter breaks the line, the field grows. */
import { emit, on } from "chat/bus";
import { timeline } from "chat/here";
import { press } from "chat/tools";

const form = document.getElementById("composer");
export const field = form.elements.body;

/** Puts a text into the field as if it had been typed. */
export function write(text) {
  field.value = text;
  field.dispatchEvent(new Event("input"));
}

function grow() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

/** Enter that picks a word in an input method editor is not meant for us. */
function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

function editLastOwn() {
  const mine = timeline.querySelectorAll("[data-own]:not([data-deleted], [data-pending])");
  return press([...mine].at(-1), "edit");
}

const KEYS = {
  Enter: (event) => !event.shiftKey && (form.requestSubmit(), true),
  Escape: () => (emit("cancel"), true),
  ArrowUp: () => !field.value && editLastOwn(),
};

field.addEventListener("input", grow);
field.addEventListener("keydown", (event) => {
  if (!isComposing(event) && KEYS[event.key]?.(event)) event.preventDefault();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const body = field.value.trim();
  if (body) emit("compose", body);
  field.focus();
});
on("do:reply", () => field.focus());
on("do:edit", () => field.focus());
