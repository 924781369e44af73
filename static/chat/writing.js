/** What becomes of the text in the composer: a message, an answer or an edit. */
import { begin, end, isEditing, subject } from "chat/about";
import { act } from "chat/act";
import { on } from "chat/bus";
import { write } from "chat/composer";
import { restore } from "chat/draft";
import { here } from "chat/here";
import { toNewest } from "chat/jump";
import { post } from "chat/outbox";

const REF = "act:edit:";

function say(body) {
  const about = subject();
  post(here.id, body, about ? Number(about.element.dataset.id) : null);
  end();
  write("");
  toNewest();
}

/** The text stays in the composer until the server has taken it. */
function edit(body) {
  const { element } = subject();
  if (body === element.dataset.body) return stop();
  act({ type: "edit", message: Number(element.dataset.id), body, ref: REF + element.dataset.id });
}

function stop() {
  const wasEditing = isEditing();
  end();
  if (wasEditing) restore();
}

on("compose", (body) => (isEditing() ? edit(body) : say(body)));
on("do:reply", (element) => {
  stop();
  begin("reply", element);
});
on("do:edit", (element) => {
  begin("edit", element);
  write(element.dataset.body);
});
on("cancel", stop);
on("ok", ({ ref }) => isEditing() && ref === REF + subject().element.dataset.id && stop());
