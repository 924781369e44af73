/** Who is writing just now. */
import { isEditing } from "chat/about";
import { on } from "chat/bus";
import { field } from "chat/composer";
import { here } from "chat/here";
import { me } from "chat/me";
import { send } from "chat/socket";

const TELL_EVERY = 3_000; // milliseconds
const EXPIRES = 6_000;

const line = document.getElementById("typing");
const writers = new Map(); // user id -> name and the timer that ends it
let told = 0;

function render() {
  const names = Array.from(writers.values(), ({ name }) => name);
  if (!names.length) line.textContent = "";
  else if (names.length === 1) line.textContent = `${names[0]} is typing…`;
  else if (names.length === 2) line.textContent = `${names[0]} and ${names[1]} are typing…`;
  else line.textContent = "Several people are typing…";
}

function stop(id) {
  clearTimeout(writers.get(id)?.timer);
  if (writers.delete(id)) render();
}

field.addEventListener("input", ({ isTrusted }) => {
  if (!isTrusted || !field.value || isEditing() || Date.now() - told < TELL_EVERY) return;
  if (send({ type: "typing", room: here.id })) told = Date.now();
});
on("typing", ({ room, user }) => {
  if (room !== here.id || user.id === me.id) return;
  stop(user.id);
  writers.set(user.id, { name: user.name, timer: setTimeout(stop, EXPIRES, user.id) });
  render();
});
on("posted", () => (told = 0));
on("disconnected", () => [...writers.keys()].forEach(stop));
on("change", ({ message, isNew }) => isNew && message.room === here.id && stop(message.author.id));
