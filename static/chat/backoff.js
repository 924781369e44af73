const FIRST = 1_000; // milliseconds
const LONGEST = 30_000;

/** A random while, of which the longest doubles: a thousand pages do not come back at once. */
export function backoff(attempt) {
  return Math.random() * Math.min(LONGEST, FIRST * 2 ** attempt);
}
