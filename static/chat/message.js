/** One message on the page: made from the template, filled from what the wire says. */
import { setHTML } from "chat/html";
import { me } from "chat/me";

const template = document.getElementById("message");
const chip = document.getElementById("reaction");

export function create() {
  return template.content.firstElementChild.cloneNode(true);
}

/** Fills in a `message` of the wire, or what will be one: that has no `html` and no `id` yet. */
export function fill(element, message) {
  const part = (selector) => element.querySelector(selector);
  const saysTheSame = element.dataset.id && element.dataset.body === message.body;
  Object.assign(element.dataset, {
    id: message.id,
    clientId: message.client_id,
    position: message.position,
    version: message.version,
    author: message.author.id,
    replyTo: message.reply_to ?? "",
    body: message.body,
  });
  element.toggleAttribute("data-own", message.author.id === me.id);
  element.toggleAttribute("data-deleted", message.deleted);
  element.toggleAttribute("data-pending", !message.id);
  delete element.dataset.said;
  part(".avatar").textContent = message.author.initials;
  part(".avatar").dataset.color = message.author.color;
  part(".author").textContent = message.author.name;
  part("time").dateTime = message.created;
  part(".edited").hidden = !message.edited || message.deleted;
  part(".failure").hidden = true;
  if (!saysTheSame) fillBody(part(".body"), message); // or else what is selected would be no more
  fillReactions(part(".reactions"), message.reactions);
}

function fillBody(body, { html, body: source }) {
  if (html === null) body.textContent = source;
  else setHTML(body, html);
}

/** The chips are made anew; one that had the focus keeps it, or else the message gets it. */
function fillReactions(list, reactions) {
  const focused = list.querySelector(":focus");
  list.replaceChildren(...reactions.map(reaction));
  if (!focused) return;
  const again = [...list.children].find(({ dataset }) => dataset.emoji === focused.dataset.emoji);
  (again ?? list.closest(".message")).focus({ preventScroll: true });
}

function reaction({ emoji, users }) {
  const button = chip.content.firstElementChild.cloneNode(true);
  Object.assign(button.dataset, { emoji, users });
  button.setAttribute("aria-pressed", users.includes(me.id));
  button.querySelector(".emoji").textContent = emoji;
  button.querySelector(".count").textContent = users.length;
  return button;
}

/** What a message says, as plain text on one line. */
export function textOf(element) {
  if ("deleted" in element.dataset) return "This message was deleted.";
  return element.querySelector(".body").textContent.replace(/\s+/g, " ").trim();
}

export function nameOf(element) {
  return element.querySelector(".author").textContent;
}
