/** How far the export of a room is: asked for again and again, until it is done. */
const section = document.getElementById("export");
const PAUSE = 1_500; // milliseconds

function isUnderWay() {
  return section && ["waiting", "writing"].includes(section.dataset.state);
}

function show({ state, says, ask }) {
  const status = section.querySelector("[role=status]");
  const button = section.querySelector("button");
  section.dataset.state = state;
  if (status.textContent !== says) status.textContent = says;
  section.querySelector("[download]").hidden = state !== "ready";
  button.textContent = ask;
  button.hidden = !ask;
}

async function look() {
  try {
    const answer = await fetch(section.dataset.address, { redirect: "error" });
    if (answer.ok) show(await answer.json());
    if (answer.status === 403 || answer.status === 404) return; // the room was taken away
  } catch {
    // No connection: the next look may find one.
  }
  if (isUnderWay()) setTimeout(look, PAUSE);
}

if (isUnderWay()) setTimeout(look, PAUSE);
