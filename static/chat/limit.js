/** How much may still be written; only said when it matters. */
import { on } from "chat/bus";
import { field } from "chat/composer";

const NEAR = 500; // characters
const output = document.querySelector("#composer .remaining");
let most = Infinity;

function measure() {
  const remaining = most - [...field.value].length;
  output.hidden = remaining > NEAR;
  output.textContent = remaining;
  output.toggleAttribute("data-over", remaining < 0);
  field.setCustomValidity(remaining < 0 ? `This is too long by ${-remaining} characters.` : "");
}

field.addEventListener("input", measure);
on("welcome", ({ limits }) => {
  most = limits.body;
  measure();
});
