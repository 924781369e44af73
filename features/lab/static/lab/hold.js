/** Time passes beneath the bars, unless it is held to be looked at. */
import { now } from "lab/clock";

const STEP = 500; // milliseconds, for who wants little to move
const picture = document.getElementById("threads");
const button = document.getElementById("hold");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let held = false;

export function isHeld() {
  return held;
}

function pass() {
  const time = now();
  if (!held && Number.isFinite(time)) picture.style.setProperty("--now", time);
  if (calm.matches) setTimeout(pass, STEP);
  else requestAnimationFrame(pass);
}

button.addEventListener("click", () => {
  held = !held;
  button.setAttribute("aria-pressed", held);
});
pass();
