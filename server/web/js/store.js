/**
 * What outlives a reload, in the browser's own database: recordings with their transcripts and corrections, their
 * sound, and what the microphone has recorded so far, piece by piece.
 */

const NAME = "vibevoice-asr";
const STORES = /** @type {const} */ (["recordings", "sounds", "pieces"]);

/** @typedef {"recordings" | "sounds" | "pieces"} StoreName */

/** @type {Promise<IDBDatabase> | null} */
let opening = null;
/** @type {IDBDatabase | null} */
let database = null;

/**
 * Keep a value under a key. It is on its way when this is called, so that a page that is left right behind still keeps it.
 *
 * @param {StoreName} store
 * @param {string | (string | number)[]} key
 * @param {unknown} value
 * @throws {DOMException} where there is no room, or the browser keeps nothing
 */
export async function put(store, key, value) {
  await write(store, (objects) => objects.put(value, key));
}

/**
 * @param {StoreName} store
 * @param {string | (string | number)[]} key
 * @returns {Promise<any>} undefined where there is nothing
 */
export async function get(store, key) {
  return done((await reading(store)).get(key));
}

/**
 * Everything, in the order of the keys; with `prefix` only what has a key of parts that begins with it.
 *
 * @param {StoreName} store
 * @param {string} [prefix]
 * @returns {Promise<any[]>}
 */
export async function all(store, prefix) {
  return done((await reading(store)).getAll(prefix === undefined ? null : under(prefix)));
}

/**
 * @param {StoreName} store
 * @param {string} key or, of keys of parts, the first part
 */
export async function remove(store, key) {
  await write(store, (objects) => objects.delete(store === "pieces" ? under(key) : key));
}

/** @param {string} prefix */
function under(prefix) {
  return IDBKeyRange.bound([prefix], [prefix, []]);
}

/**
 * One change, at once where the database is open. It is committed by hand: a browser that leaves the page would not wait
 * to hear that nothing more comes.
 *
 * @param {StoreName} store
 * @param {(objects: IDBObjectStore) => IDBRequest} change
 */
async function write(store, change) {
  const transaction = (database ?? (await open())).transaction(store, "readwrite");
  const kept = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  change(transaction.objectStore(store));
  transaction.commit();
  await kept;
}

/** @param {StoreName} store */
async function reading(store) {
  return (await open()).transaction(store, "readonly").objectStore(store);
}

/** @returns {Promise<IDBDatabase>} */
async function open() {
  opening ??= opened();
  database = await opening;
  return database;
}

/** @returns {Promise<IDBDatabase>} */
function opened() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    for (const store of STORES) request.result.createObjectStore(store);
  };
  return done(request);
}

/**
 * @template Result
 * @param {IDBRequest<Result>} request
 * @returns {Promise<Result>}
 */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
