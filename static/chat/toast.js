/** A sentence that stays for a while. */
const toast = document.getElementById("toast");
const STAYS = 6_000; // milliseconds
let timer;

export function notify(text) {
  clearTimeout(timer);
  toast.textContent = text;
  toast.hidden = false;
  timer = setTimeout(() => (toast.hidden = true), STAYS);
}
