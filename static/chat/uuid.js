/** `crypto.randomUUID` is missing where a page came by plain HTTP from another machine. */
export function uuid() {
  return crypto.randomUUID?.() ?? fromRandom(crypto.getRandomValues(new Uint8Array(16)));
}

function fromRandom(bytes) {
  bytes[6] = (bytes[6] & 0x0f) | 0x40; // version 4
  bytes[8] = (bytes[8] & 0x3f) | 0x80; // the variant of RFC 9562
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
