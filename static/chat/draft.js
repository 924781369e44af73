/** What was written and not sent is there again when one comes back. */
import { isEditing } from "chat/about";
import { field, write } from "chat/composer";
import { here } from "chat/here";
import { me } from "chat/me";

const KEY = `chat:draft:${me.id}:${here.id}`;

export function restore() {
  write(localStorage.getItem(KEY) ?? "");
}

field.addEventListener("input", () => {
  if (isEditing()) return;
  if (field.value) localStorage.setItem(KEY, field.value);
  else localStorage.removeItem(KEY);
});
restore();
