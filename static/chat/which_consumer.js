/** Which of the two consumers serves this page: `?consumer=sync` chooses, until the tab closes. */
import { on } from "chat/bus";

const KEY = "chat:consumer";
const chosen = choose();

function choose() {
  const asked = new URLSearchParams(location.search).get("consumer");
  try {
    if (asked) sessionStorage.setItem(KEY, asked);
    return asked ?? sessionStorage.getItem(KEY);
  } catch {
    return asked; // storage is forbidden: the address has to say it
  }
}

export function path() {
  return chosen === "sync" ? "/ws/chat/sync/" : "/ws/chat/";
}

on("welcome", ({ consumer }) => {
  const badge = document.getElementById("served-by");
  badge.textContent = `${consumer} consumer`;
  badge.href = `?consumer=${consumer === "sync" ? "async" : "sync"}`;
  badge.hidden = false;
});
