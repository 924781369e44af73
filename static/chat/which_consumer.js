/** Which of the two consumers serves this page: `?consumer=sync` chooses, until the tab closes. */
import { on } from "chat/bus";

const KEY = "chat:consumer";
const asked = new URLSearchParams(location.search).get("consumer");
if (asked) sessionStorage.setItem(KEY, asked);

export function path() {
  return sessionStorage.getItem(KEY) === "sync" ? "/ws/chat/sync/" : "/ws/chat/";
}

on("welcome", ({ consumer }) => {
  const badge = document.getElementById("served-by");
  badge.textContent = `${consumer} consumer`;
  badge.href = `?consumer=${consumer === "sync" ? "async" : "sync"}`;
  badge.hidden = false;
});
