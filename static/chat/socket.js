/** The connection: what the server says becomes events, and what is lost is opened again. */
import { backoff } from "chat/backoff";
import { emit, on } from "chat/bus";
import { path } from "chat/which_consumer";

const SIGNED_OUT = 4401;
const FORBIDDEN = 4403;
const LEAVING = 4503;
const PATIENCE = 2.5; // heartbeats

let socket = null;
let welcome = null;
let attempt = 0;
let retry;
let watchdog;

/** Sends a frame. False if there is no connection to send it on. */
export function send(frame) {
  if (!welcome) return false;
  socket.send(JSON.stringify(frame));
  return true;
}

function connect() {
  if (socket) return;
  clearTimeout(retry);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const opened = new WebSocket(`${scheme}://${location.host}${path()}`, "chat.v1");
  opened.onopen = () => emit("connected");
  opened.onmessage = ({ data }) => JSON.parse(data).forEach((event) => emit(event.type, event));
  opened.onclose = ({ code }) => lost(code);
  socket = opened;
  watch(10);
}

/** A network that went away says nothing: silence is how it is noticed. */
function watch(seconds) {
  clearTimeout(watchdog);
  watchdog = setTimeout(() => lost(0), seconds * 1000);
}

function lost(code) {
  clearTimeout(watchdog);
  socket.onmessage = socket.onclose = null;
  socket.close();
  socket = welcome = null;
  emit("disconnected");
  const { home, login } = document.body.dataset;
  if (code === SIGNED_OUT) {
    const next = encodeURIComponent(location.pathname + location.search);
    return location.assign(`${login}?next=${next}`);
  }
  if (code === FORBIDDEN) return location.assign(home);
  if (code === LEAVING) attempt = Math.max(attempt, 2); // everybody is told to come back at once
  retry = setTimeout(connect, backoff(attempt++));
}

on("welcome", (event) => {
  welcome = event;
  watch(PATIENCE * event.heartbeat);
});

on("heartbeat", ({ n }) => {
  attempt = 0; // only now: a server that welcomes and dies is not to be hammered
  watch(PATIENCE * welcome.heartbeat);
  send({ type: "pong", n });
});

addEventListener("online", connect);
document.addEventListener("visibilitychange", () => document.hidden || connect());
addEventListener("pageshow", connect);
connect();
