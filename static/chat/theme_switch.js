/** The switch between light and dark; `theme.js` sets what was chosen before. */
import { save } from "chat/store";

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

function current() {
  return root.dataset.theme ?? (dark.matches ? "dark" : "light");
}

for (const button of document.querySelectorAll("[data-theme-switch]")) {
  button.addEventListener("click", () => {
    root.dataset.theme = current() === "dark" ? "light" : "dark";
    save("chat:theme", root.dataset.theme);
  });
}
