/** What each round of slow queries took, to be compared. */
import { on } from "chat/bus";
import { duration } from "lab/words";

const say = document.getElementById("result");
const table = document.querySelector(".results table");
let round = null;

function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

function finish({ threads, queries, seconds, done }) {
  const began = Math.min(...done.map(({ asked }) => asked));
  const took = duration(Math.max(...done.map(({ ended }) => ended)) - began);
  const onThreads = new Set(done.map((event) => event.thread_id)).size;
  const onConnections = new Set(done.map(({ connection }) => connection?.name)).size;
  const failed = done.filter(({ error }) => error).length;
  const what = `${count(queries, "query", "queries")} of ${seconds} s`;
  const where = `${count(onThreads, "thread")} and ${count(onConnections, "connection")}`;
  say.textContent = `${what} took ${took}, on ${where}.`;
  const row = table.tBodies[0].insertRow();
  row.dataset.threads = threads;
  const values = [threads, `${queries} × ${seconds} s`, took, onThreads, onConnections, failed];
  for (const value of values) row.insertCell().textContent = value;
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
  if (round) say.textContent = "No result: a query was refused, or its socket was closed.";
  round = null;
}
on("lab.lost", abandon);
on("lab.opening", abandon);
on("lab.error", abandon);
