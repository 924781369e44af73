/** The way back down, and how much was said meanwhile. */
import { on } from "chat/bus";
import { hasNewer, here } from "chat/here";
import { toNewest } from "chat/jump";
import { me } from "chat/me";
import { isFollowing } from "chat/view";

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
// What comes while the page does not reach the newest is not shown, but new all the same.
on("change", ({ message, isNew }) => {
  if (!hasNewer() || !isNew || message.room !== here.id || message.author.id === me.id) return;
  count += 1;
  render();
});
button.addEventListener("click", () => {
  toNewest();
  render();
});
render();
