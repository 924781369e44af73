/** The controls, and the experiments that set them. */
import { emit, on } from "chat/bus";
import { notify } from "chat/toast";
import { open, send } from "lab/sockets";

const form = document.getElementById("controls");
const picture = document.querySelector(".picture");
const { threads, sync, async, seconds, close_old: closeOld } = form.elements;

function openSockets() {
  if (!form.reportValidity()) return;
  open({ threads: threads.value, sync: sync.valueAsNumber, async: async.valueAsNumber });
}

function sayHeartbeats() {
  send({ type: "heartbeats", close_old: closeOld.checked });
}

/** Presses a button that concerns more than one socket. Gives what the server says, or null. */
async function post(button) {
  try {
    const response = await fetch(button.dataset.url, { method: "POST", body: new FormData(form) });
    if (response.ok) return await response.json();
    notify(`The server refused (${response.status}). Reload the page and try again.`);
  } catch {
    notify("There is no connection just now. Try again in a moment.");
  }
  return null;
}

const actions = {
  slow() {
    if (!form.reportValidity()) return;
    const asked = { seconds: seconds.valueAsNumber, threads: threads.value, at: Date.now() };
    const queries = send({ type: "slow", seconds: asked.seconds });
    if (queries) emit("lab.sent", { ...asked, queries });
    else notify("No socket is free. Wait until they have their answers, or open some.");
  },
  wake: post,
  async cut(button) {
    const answer = await post(button);
    if (!answer) return;
    emit("lab.cut", answer);
    notify(`${answer.cut} connections were cut.`);
  },
};

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", ({ target }) => {
  if (target === closeOld) sayHeartbeats();
  else if (target !== seconds) openSockets();
});
for (const button of form.querySelectorAll("[data-do]")) {
  button.addEventListener("click", () => {
    picture.scrollIntoView({ block: "nearest" });
    actions[button.dataset.do](button);
  });
}
for (const button of document.querySelectorAll("[data-set-up]")) {
  button.addEventListener("click", () => {
    const wanted = button.dataset;
    [threads.value, sync.value, async.value] = [wanted.threads, wanted.sync, wanted.async];
    closeOld.checked = wanted.closeOld === "true";
    openSockets();
    form.scrollIntoView();
  });
}
on("lab.ready", () => closeOld.checked || sayHeartbeats());
on("lab.error", ({ detail }) => notify(detail));
openSockets();
