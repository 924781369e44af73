/** What was written and not sent is there again when one comes back. */
import { isEditing } from "chat/about";
import { field, write } from "chat/composer";
import { here } from "chat/here";
import { me } from "chat/me";
import { load, remove, save } from "chat/store";

const KEY = `chat:draft:${me.id}:${here.id}`;

export function restore() {
  write(load(KEY) ?? "");
}

field.addEventListener("input", () => {
  if (isEditing()) return;
  if (field.value) save(KEY, field.value);
  else remove(KEY);
});
restore();
