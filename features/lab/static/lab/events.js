/** The events as a table, the newest first; heartbeats that only beat are left out. */
import { on } from "chat/bus";
import { cause, connection, duration, result } from "lab/words";

const MOST = 60; // rows
const rows = document.getElementById("events");
const all = document.getElementById("all");
const failing = new Set(); // threads whose last event failed

function isQuiet(event, recovered) {
  return event.cause === "heartbeat" && !event.error && !recovered;
}

on("lab.measured", (event) => {
  const recovered = failing.has(event.thread) && !event.error;
  failing[event.error ? "add" : "delete"](event.thread);
  if (isQuiet(event, recovered) && !all.checked) return;
  const row = rows.insertRow(0);
  row.dataset.consumer = event.consumer;
  row.toggleAttribute("data-failed", Boolean(event.error));
  const cells = [
    new Date(event.ended).toLocaleTimeString(),
    `${event.consumer} ${event.socket}`,
    cause(event),
    event.thread,
    connection(event),
    duration(event.began - event.asked),
    duration(event.ended - event.began),
    result(event, recovered),
  ];
  for (const text of cells) row.insertCell().textContent = text;
  while (rows.rows.length > MOST) rows.deleteRow(-1);
});
on("lab.opening", () => failing.clear());
