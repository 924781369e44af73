/** The connection: what the server says becomes events, and what is lost is opened again. */
import { backoff } from "chat/backoff";
import { emit, on } from "chat/bus";
import { me } from "chat/me";
import { address } from "chat/consumer";

const SIGNED_OUT = 4401;
const FORBIDDEN = 4403;
const LATER = { 4429: 3, 4503: 2 }; // attempts to begin with: "too much", and everybody at once
const [OPENS_IN, WELCOMES_IN, ANSWERS_IN] = [10, 30, 5]; // seconds
const PATIENCE = 2.5; // heartbeats

let socket = null;
let welcome = null;
let beat = 0;
let heard = 0; // when, by a clock that goes on while the machine sleeps
let attempt = 0;
let retry, watchdog;

/** Sends a frame. False if there is no connection to send it on. */
export function send(frame) {
  if (!welcome) return false;
  socket.send(JSON.stringify(frame));
  return true;
}

function connect() {
  if (socket) return;
  clearTimeout(retry);
  socket = new WebSocket(address(), "chat.v1");
  socket.onmessage = ({ data }) => hear(JSON.parse(data));
  socket.onclose = ({ code }) => lost(code);
  socket.onopen = () => {
    heard = Date.now();
    watch(WELCOMES_IN); // a server to which everybody comes back may be slow
  };
  heard = Date.now();
  watch(OPENS_IN);
}

function hear(events) {
  // Has somebody else logged in meanwhile? What waits on this page is not theirs to say.
  const isForeign = events.some(({ type, user }) => type === "welcome" && user.id !== me.id);
  if (isForeign) return lost(FORBIDDEN);
  heard = Date.now();
  for (const event of events) emit(event.type, event);
  if (welcome) watch(PATIENCE * welcome.heartbeat);
}

/** A network that went away says nothing: silence is how it is noticed. */
function watch(seconds) {
  clearTimeout(watchdog);
  watchdog = setTimeout(lost, seconds * 1000);
}

function lost(code) {
  clearTimeout(watchdog);
  socket.onopen = socket.onmessage = socket.onclose = null;
  socket.close();
  socket = welcome = null;
  emit("disconnected");
  const { home, login } = document.body.dataset;
  const next = encodeURIComponent(location.pathname + location.search);
  if (code === SIGNED_OUT) return location.assign(`${login}?next=${next}`);
  if (code === FORBIDDEN) return location.assign(home);
  attempt = Math.max(attempt, LATER[code] ?? 0);
  retry = setTimeout(connect, backoff(attempt++));
}

/** A socket that may be dead is replaced; one that may be alive has to answer. */
on("doubt", (asleep) => {
  const patience = welcome ? 1.5 * welcome.heartbeat : WELCOMES_IN;
  if (socket && (asleep || Date.now() - heard > patience * 1000)) lost();
  connect();
  if (send({ type: "pong", n: beat, ref: "probe" })) watch(ANSWERS_IN);
});
on("welcome", (event) => (welcome = event));
on("heartbeat", ({ n }) => {
  attempt = 0; // only now: a server that welcomes and dies is not to be hammered
  beat = n;
  send({ type: "pong", n });
});
connect();
