/** Says which of the two consumers serves this page, and leads to the other. */
import { on } from "chat/bus";

on("welcome", ({ consumer }) => {
  const badge = document.getElementById("served-by");
  badge.textContent = `${consumer} consumer`;
  badge.href = `?consumer=${consumer === "sync" ? "async" : "sync"}`;
  badge.hidden = false;
});
