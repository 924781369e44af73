/** What was written and not sent is there again when one comes back. */
import { isEditing } from "chat/about";
import { field, write } from "chat/composer";
import { here } from "chat/here";
import { me } from "chat/me";
import { load, remove, save } from "chat/store";

const KEY = `chat:draft:${me.id}:${here.id}`;

let restoring = false; // an echo would overwrite what is being typed in another tab

export function restore() {
  restoring = true;
  write(load(KEY) ?? "");
  restoring = false;
}

field.addEventListener("input", () => {
  if (restoring || isEditing()) return;
  if (field.value) save(KEY, field.value);
  else remove(KEY);
});
// Somebody writes in one tab at a time; the others follow.
addEventListener("storage", ({ key }) => key === KEY && !isEditing() && restore());
restore();
