/** The sockets, one chip each, and what they are doing. */
import { on } from "chat/bus";
import { short } from "lab/words";

const lost = document.getElementById("lost");
const list = document.getElementById("sockets");

function chip(socket) {
  const item = document.createElement("li");
  item.dataset.consumer = socket.consumer;
  item.dataset.state = socket.state;
  item.textContent = short(socket.consumer, socket.number);
  item.title = `${socket.consumer} ${socket.number}: ${socket.state}`;
  const state = document.createElement("span");
  state.className = "visually-hidden";
  state.textContent = ` ${socket.state}`;
  item.append(state);
  return item;
}

on("lab.sockets", (sockets) => {
  list.replaceChildren(...sockets.map(chip));
  const gone = sockets.filter(({ state }) => state === "lost").length;
  lost.textContent = gone ? `Lost ${gone} of ${sockets.length} sockets. Trying again…` : "";
});
