/** Says when the page is not up to date. Only after a second: most gaps are shorter. */
import { on } from "chat/bus";
import { here } from "chat/here";

const banner = document.getElementById("banner");
const PATIENCE = 1_000; // milliseconds
let trying = "Connecting…";
let connected = false;
let behind = false;
let timer;

function state() {
  if (connected) return behind ? "Catching up…" : "";
  return navigator.onLine ? trying : "You are offline. What you write is sent later.";
}

function render() {
  const text = state();
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
  connected = true;
  render();
});
on("disconnected", () => {
  connected = behind = false;
  trying = "Reconnecting…";
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
addEventListener("online", render);
addEventListener("offline", render);
render();
