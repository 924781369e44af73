/** Asks for pages of history. They come in the order in which they were asked for. */
import { backoff } from "chat/backoff";
import { emit, on } from "chat/bus";
import { here } from "chat/here";
import { send } from "chat/socket";

const REF = "history:";
const asked = new Set(); // the names of the pages that are on their way

/**
 * Asks for a page; `page:` and its name says that it has come. While `newest` is on its way, with
 * which the timeline begins anew, nothing else is asked for.
 * @returns {boolean} whether it is on its way
 */
export function ask(name, where) {
  if (asked.has(name)) return true;
  if (asked.has("newest")) return false;
  if (!send({ type: "history", room: here.id, ...where, ref: REF + name })) return false;
  asked.add(name);
  return true;
}

on("history", (page) => {
  const [name] = asked;
  if (page.room !== here.id || !name) return;
  asked.delete(name);
  emit(`page:${name}`, page);
  emit("askable");
});
on("error", ({ ref }) => {
  if (!ref?.startsWith(REF)) return;
  asked.delete(ref.slice(REF.length));
  setTimeout(emit, backoff(2), "askable");
});
on("welcome", () => {
  asked.clear();
  emit("askable");
});
