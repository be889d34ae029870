/**
 * What the page says, in the reader's language. All of it stands in lang/<language>/<room>.json, by key; an element that
 * carries a key (`data-t` and its like) is written anew when the language changes.
 */

/** @type {Record<string, string>} each in its own words */
export const LANGUAGES = { en: "English", de: "Deutsch" };
const ROOMS = ["page", "live"];
const KEPT = "language";
const SLOTS = /** @type {const} */ ({
  t: null,
  tLabel: "aria-label",
  tPlaceholder: "placeholder",
  tTitle: "title",
});
const SELECTOR = "[data-t], [data-t-label], [data-t-placeholder], [data-t-title]";

/** @type {Record<string, string>} */
let strings = {};
let language = "en";

/** The language that is shown. */
export function currentLanguage() {
  return language;
}

/** What the reader chose before, else the first of the browser's languages that there is. */
export function preferredLanguage() {
  const wished = [localStorage.getItem(KEPT), ...navigator.languages].map((tag) => (tag ?? "").slice(0, 2));
  return wished.find((tag) => tag in LANGUAGES) ?? "en";
}

/**
 * Show the page in another language; tells `document` with an event "translated".
 *
 * @param {string} wanted
 * @param {boolean} [keep] also the next time
 */
export async function useLanguage(wanted, keep = false) {
  const loaded = await Promise.all(ROOMS.map((room) => read(wanted, room)));
  strings = Object.assign({}, ...loaded);
  language = wanted;
  if (keep) localStorage.setItem(KEPT, wanted);
  document.documentElement.lang = wanted;
  for (const element of document.querySelectorAll(SELECTOR)) translate(/** @type {HTMLElement} */ (element));
  document.dispatchEvent(new Event("translated"));
}

/**
 * The words for a key. `{name}` stands for a value; a value `count` chooses the form: with `.one`, `.other`, …
 * behind the key.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const form = "count" in values ? `${key}.${new Intl.PluralRules(language).select(Number(values.count))}` : key;
  const text = strings[form] ?? strings[`${key}.other`] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? show(values[name]) : whole));
}

/**
 * Write an element's words as its keys say.
 *
 * @param {HTMLElement} element
 */
export function translate(element) {
  const values = element.dataset.tValues ? JSON.parse(element.dataset.tValues) : {};
  for (const [slot, attribute] of Object.entries(SLOTS)) {
    const key = element.dataset[slot];
    if (key === undefined) continue;
    if (attribute === null) element.textContent = t(key, values);
    else element.setAttribute(attribute, t(key, values));
  }
}

/** @param {string | number} value */
function show(value) {
  return typeof value === "number" ? new Intl.NumberFormat(language).format(value) : value;
}

/**
 * @param {string} wanted
 * @param {string} room
 * @returns {Promise<Record<string, string>>}
 */
async function read(wanted, room) {
  const answer = await fetch(new URL(`../lang/${wanted}/${room}.json`, import.meta.url));
  return answer.ok ? answer.json() : {};
}
