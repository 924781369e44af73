/** Which message the composer is about: the one that is answered or edited, if any. */
import { emit, on } from "chat/bus";
import { nameOf, textOf } from "chat/message";

const line = document.getElementById("about");
let about = null;

/** @returns {{kind: "reply" | "edit", element: HTMLElement} | null} */
export function subject() {
  return about;
}

export function isEditing() {
  return about?.kind === "edit";
}

export function begin(kind, element) {
  end();
  about = { kind, element };
  element.dataset.about = kind;
  line.hidden = false;
  line.firstElementChild.textContent =
    kind === "edit" ? "Editing your message" : `Answering ${nameOf(element)}: ${textOf(element)}`;
}

export function end() {
  if (about) delete about.element.dataset.about;
  about = null;
  line.hidden = true;
}

/** What is deleted meanwhile cannot be edited any more. */
on("shown", (shown) => {
  const ours = shown.some(({ element }) => element === about?.element);
  if (ours && "deleted" in about.element.dataset) emit("cancel");
});
line.querySelector("button").addEventListener("click", () => emit("cancel"));
