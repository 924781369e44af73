/** Which of the two consumers is asked for: `?consumer=sync` chooses, until the tab closes. */
const KEY = "chat:consumer";
const chosen = choose();

function choose() {
  const asked = new URLSearchParams(location.search).get("consumer");
  try {
    if (asked) sessionStorage.setItem(KEY, asked);
    return asked ?? sessionStorage.getItem(KEY);
  } catch {
    return asked; // storage is forbidden: the address has to say it
  }
}

export function address() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${location.host}/ws/chat/${chosen === "sync" ? "sync/" : ""}`;
}
