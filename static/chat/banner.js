/** Says when the page is not up to date. Only after a second: most gaps are shorter. */
import { on } from "chat/bus";
import { here } from "chat/here";

const banner = document.getElementById("banner");
const PATIENCE = 1_000; // milliseconds
let connection = "Connecting…";
let behind = false;
let timer;

function render() {
  const text = connection || (behind ? "Catching up…" : "");
  if (!text) {
    clearTimeout(timer);
    timer = 0;
    banner.hidden = true;
    return;
  }
  banner.textContent = text;
  timer ||= setTimeout(() => (banner.hidden = false), PATIENCE);
}

on("welcome", () => {
  connection = "";
  render();
});
on("disconnected", () => {
  connection = "Reconnecting…";
  behind = false;
  render();
});
on("behind", (room) => {
  behind ||= room === here?.id;
  render();
});
on("level", (room) => {
  if (room === here?.id) behind = false;
  render();
});
render();
