/** How one event is drawn: a thin line while it waits, and a bar while its thread serves it. */
import { seconds } from "lab/clock";
import { sentence, short } from "lab/words";

export function draw(event, row) {
  const bar = document.createElement("div");
  bar.className = "bar";
  bar.dataset.consumer = event.consumer;
  bar.dataset.cause = event.cause;
  bar.toggleAttribute("data-failed", Boolean(event.error));
  bar.toggleAttribute("data-new", Boolean(event.connection?.new));
  bar.title = sentence(event);
  bar.style.setProperty("--row", row);
  for (const moment of ["asked", "began", "ended"]) {
    bar.style.setProperty(`--${moment}`, seconds(event[moment]));
  }
  const [wait, work] = [document.createElement("i"), document.createElement("b")];
  [wait.className, work.className] = ["wait", "work"];
  const name = event.cause === "client" ? short(event.consumer, event.socket) : "";
  work.textContent = event.error ? "✕" : name;
  bar.append(wait, work);
  return bar;
}
