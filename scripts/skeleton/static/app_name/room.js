/** The button on each message that keeps it for later. */
import { on } from "chat/bus";
import { here, timeline } from "chat/here";
import { notify } from "chat/toast";

const page = document.querySelector('[data-feature="app_name"]').href;
const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
const marked = new Set();

function show(message) {
  const isMarked = marked.has(Number(message.dataset.id));
  message.querySelector('[data-do="app_name"]').setAttribute("aria-pressed", isMarked);
}

async function ask(address, options) {
  const answer = await fetch(`${page}${address}/`, { redirect: "error", ...options });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer;
}

async function mark(message) {
  const id = Number(message.dataset.id);
  const wanted = !marked.has(id);
  const body = new URLSearchParams({ csrfmiddlewaretoken: token, on: wanted });
  try {
    await ask(id, { method: "POST", body });
  } catch {
    return notify("That did not work. Try again in a moment.");
  }
  marked[wanted ? "add" : "delete"](id);
  show(message);
}

async function load() {
  const { messages } = await (await ask(`rooms/${here.id}`)).json();
  messages.forEach((id) => marked.add(id));
  for (const message of timeline.children) show(message);
}

on("do:app_name", mark);
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) addedNodes.forEach(show);
}).observe(timeline, { childList: true });
load().catch(() => notify("Which messages you keep is not known just now."));
