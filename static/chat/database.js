/** Where this browser keeps what one person has on its way, in the order in which it was said. */
import { me } from "chat/me";

const NAME = `chat:outbox:${me.id}`;
const STORE = "messages";
let opening = null;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () =>
      request.result
        .createObjectStore(STORE, { autoIncrement: true }) // the key is the order
        .createIndex("id", "id", { unique: true });
    request.onsuccess = () => {
      request.result.onclose = () => (opening = null); // somebody cleared what the browser keeps
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/** Does the work in one transaction, and waits until it is kept. */
async function transact(mode, work) {
  const transaction = (await open()).transaction(STORE, mode);
  const request = work(transaction.objectStore(STORE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

function withKey(store, id, work) {
  const request = store.index("id").getKey(id);
  request.onsuccess = () => work(request.result);
  return request;
}

export function all() {
  return transact("readonly", (store) => store.getAll());
}

/** Keeps a new entry, after all others. Nothing is waited for: the tab may be closed at once. */
export function add(entry) {
  return transact("readwrite", (store) => {
    const request = store.add(entry);
    store.transaction.commit();
    return request;
  });
}

/** Keeps a changed entry at its place. */
export function save(entry) {
  return transact("readwrite", (store) =>
    withKey(store, entry.id, (key) => store.put(entry, key)),
  );
}

export function remove(id) {
  return transact("readwrite", (store) =>
    withKey(store, id, (key) => key && store.delete(key)),
  );
}
