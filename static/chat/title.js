/** The title of the page counts what is unread, so that a tab in the background tells. */
import { on } from "chat/bus";

const title = document.title;

on("unread", (total) => {
  document.title = total ? `(${total}) ${title}` : title;
});
