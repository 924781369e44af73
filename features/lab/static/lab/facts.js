/** A few numbers about all that was measured since the sockets were opened. */
import { on } from "chat/bus";
import { duration } from "lab/words";

const fields = Object.fromEntries(
  [...document.querySelectorAll("[data-fact]")].map((field) => [field.dataset.fact, field]),
);
let threads, wait, failed;

function begin() {
  [threads, wait, failed] = [new Set(), 0, 0];
  for (const field of Object.values(fields)) field.textContent = "–";
}

on("lab.opening", begin);
on("lab.measured", (event) => {
  threads.add(event.thread_id);
  wait = Math.max(wait, event.began - event.asked);
  failed += event.error ? 1 : 0;
  fields.threads.textContent = threads.size;
  fields.open.textContent = event.open ?? fields.open.textContent;
  fields.age.textContent = event.connection ? duration(event.connection.age * 1000) : "–";
  fields.wait.textContent = duration(wait);
  fields.failed.textContent = failed;
});
begin();
