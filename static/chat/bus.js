/** How the modules talk: events on the document, named `chat:` and what happened. */

export function emit(type, detail) {
  document.dispatchEvent(new CustomEvent(`chat:${type}`, { detail }));
}

export function on(type, handler) {
  document.addEventListener(`chat:${type}`, (event) => handler(event.detail));
}
