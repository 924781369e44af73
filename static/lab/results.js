/** What each round of slow queries took, to be compared. */
import { on } from "chat/bus";
import { duration } from "lab/words";

const say = document.getElementById("result");
const table = document.querySelector(".results table");
let round = null;

function count(number, what) {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function finish({ threads, queries, seconds, done }) {
  const took = Math.max(...done.map(({ ended }) => ended)) - Math.min(...done.map(({ asked }) => asked));
  const onThreads = new Set(done.map(({ thread_id: id }) => id)).size;
  const onConnections = new Set(done.map(({ connection }) => connection?.name)).size;
  const failed = done.filter(({ error }) => error).length;
  const what = queries === 1 ? "query" : "queries";
  say.textContent = `${queries} ${what} of ${seconds} s took ${duration(took)}, on ${count(onThreads, "thread")} and ${count(onConnections, "connection")}.`;
  const row = table.tBodies[0].insertRow();
  row.dataset.threads = threads;
  for (const value of [threads, `${queries} × ${seconds} s`, duration(took), onThreads, onConnections, failed]) {
    row.insertCell().textContent = value;
  }
  table.hidden = false;
}

on("lab.sent", (sent) => {
  round = { ...sent, done: [] };
  say.textContent = `Waiting for ${sent.queries} answers…`;
});
on("lab.measured", (event) => {
  if (!round || event.cause !== "client") return;
  round.done.push(event);
  if (round.done.length < round.queries) return;
  finish(round);
  round = null;
});

function abandon() {
  if (round) say.textContent = "This round has no end: a query was refused, or its socket was closed.";
  round = null;
}
on("lab.lost", abandon);
on("lab.opening", abandon);
on("lab.error", abandon);
