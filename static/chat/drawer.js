/** On a phone the rooms are a drawer. */
const sidebar = document.getElementById("sidebar");
const main = document.getElementById("main");
const opener = document.querySelector("[data-drawer=open]");

function toggle(open) {
  sidebar.toggleAttribute("data-open", open);
  main.inert = open;
  opener?.setAttribute("aria-expanded", open);
  (open ? sidebar.querySelector("button, a") : opener)?.focus();
}

function isOpen() {
  return sidebar.hasAttribute("data-open");
}

opener?.addEventListener("click", () => toggle(true));
for (const closer of document.querySelectorAll("[data-drawer=close]")) {
  closer.addEventListener("click", () => toggle(false));
}
document.addEventListener("keydown", ({ key }) => key === "Escape" && isOpen() && toggle(false));
// Turned or widened, the page shows the rooms anyway, and nothing may stay out of reach.
matchMedia("(min-width: 48rem)").addEventListener("change", () => isOpen() && toggle(false));
