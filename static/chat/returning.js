/** Doubts the connection when somebody comes back to the page, or the machine has slept. */
import { emit } from "chat/bus";

const TICK = 5_000; // milliseconds
let last = Date.now(); // other clocks may stand still while a machine sleeps

/** @param {boolean} asleep whether the page stood still, and cannot have heard what it missed */
function returned(asleep) {
  last = Date.now();
  emit("doubt", asleep);
}

function tick() {
  const asleep = Date.now() - last > 3 * TICK;
  last = Date.now();
  if (asleep && !document.hidden) returned(true);
}

document.addEventListener("visibilitychange", () => document.hidden || returned(false));
document.addEventListener("resume", () => returned(true));
addEventListener("pageshow", ({ persisted }) => returned(persisted));
for (const event of ["focus", "online", "offline"]) addEventListener(event, () => returned(false));
setInterval(tick, TICK);
