/** Whose page this is, in the shape of the wire's `author`. */
const { user, name, initials, color } = document.body.dataset;

export const me = { id: Number(user), name, initials, color: Number(color) };
