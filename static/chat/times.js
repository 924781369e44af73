/** Times and days in the reader's language and time zone. */
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const DAY = 24 * 60 * 60 * 1000;

/** @param {HTMLTimeElement} time */
export function localise(time) {
  const moment = new Date(time.dateTime);
  time.textContent = clock.format(moment);
  time.title = full.format(moment);
}

/** @param {Date} moment */
export function dayName(moment) {
  const ago = Math.round((midnight(new Date()) - midnight(moment)) / DAY);
  if (ago < 2) return capitalise(relative.format(-ago, "day"));
  return date.format(moment);
}

export function sameDay(one, other) {
  return midnight(one) === midnight(other);
}

function midnight(moment) {
  return new Date(moment).setHours(0, 0, 0, 0);
}

function capitalise(text) {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
