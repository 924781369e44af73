/** Deleting asks first: it cannot be undone. */
import { act } from "chat/act";
import { on } from "chat/bus";
import { textOf } from "chat/message";

const dialog = document.getElementById("confirm-delete");
let message = null;

on("do:delete", (element) => {
  message = element;
  dialog.querySelector("blockquote").textContent = textOf(element);
  dialog.returnValue = "";
  dialog.showModal();
});
dialog.addEventListener("close", () => {
  if (dialog.returnValue === "delete") act({ type: "delete", message: Number(message.dataset.id) });
  message.focus({ preventScroll: true });
});
