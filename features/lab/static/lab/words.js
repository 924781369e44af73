/** An event in words. */

const CAUSES = { client: "slow query", layer: "channel layer", heartbeat: "heartbeat" };

export function short(consumer, number) {
  return `${consumer[0]}${number}`;
}

export function cause(event) {
  return CAUSES[event.cause];
}

export function duration(milliseconds) {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}

export function connection({ connection: used }) {
  if (!used) return "none";
  return used.new ? `${used.name}, new` : `${used.name}, ${duration(used.age * 1000)} old`;
}

/** What came of it; `recovered` if the event before it on this thread failed. */
export function result({ error, connection: used }, recovered) {
  if (error) return `Failed: ${error}`;
  if (!used?.new) return "Done";
  const change = used.before ? `${used.name} instead of ${used.before}` : `opened ${used.name}`;
  return `${recovered ? "Recovered" : "Done"}: ${change}`;
}

export function sentence(event) {
  const waited = duration(event.began - event.asked);
  const took = duration(event.ended - event.began);
  const who = `${event.consumer} ${event.socket}, ${cause(event)}`;
  const where = `${event.thread}, connection ${connection(event)}`;
  return `${who}: waited ${waited}, took ${took} on ${where}. ${result(event)}`;
}
