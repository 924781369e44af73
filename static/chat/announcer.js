/** Reads out what others say, once and politely; neither the history nor one's own words. */
import { on } from "chat/bus";
import { nameOf, textOf } from "chat/message";

const region = document.getElementById("announcer");
const AT_ONCE = 3;

function say(text) {
  const line = document.createElement("p");
  line.textContent = text;
  region.append(line);
  if (region.children.length > AT_ONCE) region.firstElementChild.remove();
}

function isNews({ element, isNew }) {
  return isNew && !("own" in element.dataset) && !("deleted" in element.dataset);
}

on("shown", (shown) => {
  const news = shown.filter(isNews);
  if (news.length > AT_ONCE) return say(`${news.length} new messages`);
  for (const { element } of news) say(`${nameOf(element)}: ${textOf(element)}`);
});
