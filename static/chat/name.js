/** The room on this page may get another name; the page says it in several places. */
import { emit, on } from "chat/bus";
import { field } from "chat/composer";
import { here } from "chat/here";

function rename({ id, name }) {
  if (id !== here.id) return;
  for (const place of document.querySelectorAll(`[data-name-of="${id}"]`)) place.textContent = name;
  field.placeholder = `Message ${name}`;
  field.ariaLabel = `Message to ${name}`;
  emit("named", name);
}

on("welcome", ({ rooms }) => rooms.forEach(rename));
on("room", rename);
