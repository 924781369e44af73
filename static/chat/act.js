/** What a person does to a message. If it cannot be done they are told, and may try again. */
import { on } from "chat/bus";
import { send } from "chat/socket";
import { notify } from "chat/toast";

export function act(frame) {
  const sent = send({ ref: `act:${frame.type}`, ...frame });
  if (!sent) notify("There is no connection just now. Try again in a moment.");
  return sent;
}

on("error", ({ ref, detail }) => ref?.startsWith("act:") && notify(detail));
