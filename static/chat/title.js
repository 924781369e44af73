/** The title of the page counts what is unread, so that a tab in the background tells. */
import { on } from "chat/bus";

let title = document.title;
let unread = 0;

function render() {
  document.title = unread ? `(${unread}) ${title}` : title;
}

on("unread", (total) => {
  unread = total;
  render();
});
on("named", (name) => {
  title = `${name} · ${document.body.dataset.site}`;
  render();
});
