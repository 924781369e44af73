/** What this browser remembers; where it may not, or has no room left, only this page does. */
const page = new Map();

export function load(key) {
  try {
    return localStorage.getItem(key) ?? page.get(key) ?? null;
  } catch {
    return page.get(key) ?? null;
  }
}

export function save(key, value) {
  try {
    localStorage.setItem(key, value);
    page.delete(key);
  } catch {
    page.set(key, value);
  }
}

export function remove(key) {
  page.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {} // then there was nothing
}
