/**
 * The one place where HTML enters the page. It is the `html` of a message, which the server made
 * from Markdown and passed through nh3; the browser accepts it from this policy and nowhere else.
 */
const sanitised = (html) => html;
const policy = globalThis.trustedTypes?.createPolicy("chat", { createHTML: sanitised });

export function setHTML(element, html) {
  element.innerHTML = policy ? policy.createHTML(html) : html;
}
