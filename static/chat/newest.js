/** The way back down, and how much was said meanwhile. */
import { on } from "chat/bus";
import { follow, isFollowing } from "chat/view";

const button = document.getElementById("newest");
let count = 0;

function render() {
  if (isFollowing()) count = 0;
  button.hidden = isFollowing();
  button.querySelector("span").textContent = count ? `${count} new` : "Newest";
}

on("scrolled", render);
on("shown", (shown) => {
  count += shown.filter(({ element, isNew }) => isNew && !("own" in element.dataset)).length;
  render();
});
button.addEventListener("click", () => {
  follow();
  render();
});
