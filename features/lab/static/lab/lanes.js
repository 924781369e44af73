/** A lane for each thread, a bar for each event. */
import { on } from "chat/bus";
import { draw } from "lab/bar";
import { now, seconds } from "lab/clock";
import { isHeld } from "lab/hold";
import { connection } from "lab/words";

const KEPT = 20; // seconds, which is more than there is room for
const GAP = 0.2; // seconds between two events in one row
const list = document.querySelector("#threads .lanes");
const lanes = new Map(); // by the name of the thread

function laneOf(thread) {
  if (!lanes.has(thread)) lanes.set(thread, makeLane(thread));
  return lanes.get(thread);
}

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/** Slow queries above, and below them what takes no time: so the stairs have no gaps. */
function makeLane(thread) {
  const detail = element("small", "");
  const tracks = ["queries", "signs"].map((kind) => {
    const strip = element("div", "strip");
    return { strip, track: element("div", `track ${kind}`, strip), bars: [] };
  });
  const name = element("p", "", element("b", "", thread), detail);
  const both = element("div", "", ...tracks.map(({ track }) => track));
  const lane = element("div", "lane", name, both);
  lane.dataset.thread = thread;
  const after = [...list.children].find(
    (other) => other.dataset.thread.localeCompare(thread, "en", { numeric: true }) > 0,
  );
  list.insertBefore(lane, after ?? null);
  return { detail, tracks };
}

/** The first row of a track that is free from when an event was asked for until it ended. */
function freeRow(bars, bar) {
  const taken = bars.filter((other) => other.from < bar.until && bar.from < other.until);
  for (let row = 0; ; row++) if (!taken.some((other) => other.row === row)) return row;
}

function show(event) {
  const { detail, tracks } = laneOf(event.thread);
  const track = tracks[event.cause === "client" ? 0 : 1];
  const bar = { from: seconds(event.asked), until: seconds(event.ended) + GAP };
  bar.row = freeRow(track.bars, bar);
  bar.element = draw(event, bar.row);
  track.bars.push(bar);
  track.strip.append(bar.element);
  fit(track);
  detail.textContent = `connection ${connection(event)}`;
}

function fit({ track, bars }) {
  track.style.setProperty("--rows", Math.max(0, ...bars.map(({ row }) => row + 1)));
}

function forget() {
  if (isHeld()) return;
  for (const track of [...lanes.values()].flatMap(({ tracks }) => tracks)) {
    const old = track.bars.filter(({ until }) => until < now() - KEPT);
    for (const bar of old) bar.element.remove();
    track.bars = track.bars.filter((bar) => !old.includes(bar));
    fit(track);
  }
}

on("lab.opening", () => {
  lanes.clear();
  list.replaceChildren();
});
on("lab.measured", show);
setInterval(forget, 5_000);
