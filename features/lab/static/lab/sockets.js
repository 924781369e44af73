/** The sockets of the lab: opened as the controls say, and again when they are lost. */
import { backoff } from "chat/backoff";
import { emit } from "chat/bus";

const [SIGNED_OUT, FORBIDDEN] = [4401, 4403];
let sockets = [];

class LabSocket {
  constructor(threads, consumer, number) {
    Object.assign(this, { threads, consumer, number, state: "opening", attempt: 0 });
    this.connect();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const path = `/ws/lab/${this.threads}/${this.consumer}/${this.number}/`;
    this.socket = new WebSocket(`${scheme}://${location.host}${path}`);
    this.socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
    this.socket.onclose = ({ code }) => this.lost(code);
  }

  hear(events) {
    for (const event of events) {
      if (event.type === "ready") this.become("open");
      if (event.type === "measured") this.attempt = 0;
      if (event.cause === "client" || event.type === "error") this.become("open");
      emit(`lab.${event.type}`, event);
    }
  }

  lost(code) {
    this.become("lost");
    emit("lab.lost", this);
    if (code === SIGNED_OUT || code === FORBIDDEN) return location.reload(); // which says why
    this.retry = setTimeout(() => this.connect(), backoff(this.attempt++));
  }

  /** Whoever waits for an answer asks nothing more, but may be told something. */
  send(frame) {
    const states = frame.type === "slow" ? ["open"] : ["open", "waiting"];
    if (!states.includes(this.state)) return false;
    this.socket.send(JSON.stringify(frame));
    if (frame.type === "slow") this.become("waiting");
    return true;
  }

  become(state) {
    this.state = state;
    emit("lab.sockets", sockets);
  }

  close() {
    clearTimeout(this.retry);
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
  }
}

export function open({ threads, sync, async }) {
  for (const socket of sockets) socket.close();
  emit("lab.opening", threads);
  const some = (consumer, count) =>
    Array.from({ length: count }, (_, index) => new LabSocket(threads, consumer, index + 1));
  sockets = [...some("sync", sync), ...some("async", async)];
  emit("lab.sockets", sockets);
}

/** Sends a frame on every socket that can take it. Says on how many. */
export function send(frame) {
  return sockets.filter((socket) => socket.send(frame)).length;
}
