/** A few emoji to react with, those used last first. */
import { on } from "chat/bus";
import { toggle } from "chat/reactions";
import { load, save } from "chat/store";

const KEY = "chat:recent-emoji";
const REMEMBERED = 8;

const picker = document.getElementById("emoji-picker");
const recent = document.getElementById("recent-emoji");
let message = null;

function remembered() {
  return JSON.parse(load(KEY) ?? "[]");
}

function remember(emoji) {
  const others = remembered().filter((other) => other !== emoji);
  save(KEY, JSON.stringify([emoji, ...others].slice(0, REMEMBERED)));
}

function render() {
  recent.replaceChildren(...remembered().map(choice));
  recent.parentElement.hidden = !recent.children.length;
}

function choice(emoji) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.choose = button.textContent = emoji;
  return button;
}

/** Beside the message's tools, within the window; on a phone the style sheet knows better. */
function place() {
  const tools = message.querySelector(".tools").getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = picker;
  const x = Math.max(8, Math.min(tools.right - width, innerWidth - width - 8));
  const y = Math.max(8, Math.min(tools.bottom + 4, innerHeight - height - 8));
  picker.style.setProperty("--x", `${x}px`);
  picker.style.setProperty("--y", `${y}px`);
}

on("do:react", (element) => {
  message = element;
  render();
  picker.showPopover();
  place();
  picker.querySelector("section:not([hidden]) button").focus({ preventScroll: true });
});
picker.addEventListener("click", ({ target }) => {
  const { choose } = target.dataset;
  if (!choose) return;
  remember(choose);
  toggle(message, choose);
  picker.hidePopover();
});
picker.addEventListener("toggle", ({ newState }) => {
  if (newState === "closed" && message?.isConnected) message.focus({ preventScroll: true });
});
