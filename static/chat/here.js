/** The room on this page; null on the pages that show none. */
export const timeline = document.getElementById("timeline");

export const here = timeline && {
  id: Number(timeline.dataset.room),
  head: Number(timeline.dataset.head),
};

/** Whether something was said after the last message on the page that is still to be loaded. */
export function hasNewer() {
  return timeline.dataset.newer === "true";
}
