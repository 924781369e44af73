/** The order of the timeline: by position, and what is being sent comes last. */
import { timeline } from "chat/here";
import { arrange } from "chat/neighbours";

export function positionOf(element) {
  return element?.dataset.id ? Number(element.dataset.position) : Infinity;
}

export function insert(element, position) {
  let after = timeline.lastElementChild;
  while (after && (after === element || positionOf(after) > position)) {
    after = after.previousElementSibling;
  }
  if (after) after.after(element);
  else timeline.prepend(element);
  arrange(element);
  arrange(element.nextElementSibling);
}

/** The place of the oldest message on the page, before which history is asked for. */
export function lowest() {
  return positionOf(timeline.firstElementChild);
}

/** The place of the newest message on the page. */
export function highest() {
  return positionOf(newest());
}

export function newest() {
  return [...timeline.children].findLast((element) => element.dataset.id);
}
