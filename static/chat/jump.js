/** The way to the newest message, also where not all that lies between is on the page. */
import { emit, on } from "chat/bus";
import { hasNewer } from "chat/here";
import { ask } from "chat/history";
import { settleNewer } from "chat/newer";
import { replace } from "chat/timeline";
import { follow, look } from "chat/view";

let wanted = false;

export function toNewest() {
  wanted = hasNewer();
  follow();
  request();
}

function request() {
  if (wanted && hasNewer()) ask("newest", { before: Number.MAX_SAFE_INTEGER });
}

on("page:newest", ({ messages }) => {
  wanted = false;
  replace(messages);
  settleNewer(false);
  follow();
  history.replaceState(null, "", location.pathname); // opened again, it opens here
  emit("older");
  look();
});
on("askable", request);
