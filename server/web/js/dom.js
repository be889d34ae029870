/**
 * Elements, made in one call. Text that people read is given by its key, so that another language can be put in its
 * place at any time (see i18n.js).
 *
 * @typedef {Record<string, string | number>} Values
 * @typedef {object} Props
 * @property {string} [class]
 * @property {string} [t] key of the text
 * @property {Values} [values] what stands in that text
 * @property {string} [label] key of the name that a screen reader says
 * @property {string} [hint] key of the placeholder
 * @property {string} [tip] key of the title
 * @property {Record<string, (event: any) => void>} [on] listeners
 * @property {Record<string, string>} [data]
 */
import { translate } from "./i18n.js";

const OWN = new Set(["class", "t", "values", "label", "hint", "tip", "on", "data"]);

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props & Record<string, unknown>} [props] everything else is an attribute; `false`, `null` and `undefined` are none
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  if (props.class) made.className = props.class;
  for (const [name, listener] of Object.entries(props.on ?? {})) made.addEventListener(name, listener);
  Object.assign(made.dataset, props.data);
  for (const [name, value] of Object.entries(props)) {
    if (OWN.has(name) || value === false || value === null || value === undefined) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  say(made, "t", props.t, props.values);
  say(made, "tLabel", props.label, props.values);
  say(made, "tPlaceholder", props.hint, props.values);
  say(made, "tTitle", props.tip, props.values);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * Another text for an element that is there.
 *
 * @param {HTMLElement} element
 * @param {string} key
 * @param {Values} [values]
 */
export function write(element, key, values) {
  say(element, "t", key, values);
}

/**
 * Another name for a screen reader to say.
 *
 * @param {HTMLElement} element
 * @param {string} key
 * @param {Values} [values]
 */
export function label(element, key, values) {
  say(element, "tLabel", key, values);
}

/**
 * The element with this id. Throws where index.html has none.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element ${id}`);
  return found;
}

/**
 * How the page moves by itself: at once for who wants no motion.
 *
 * @returns {ScrollBehavior}
 */
export function motion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}

/**
 * @param {HTMLElement} element
 * @param {string} slot
 * @param {string | undefined} key
 * @param {Values | undefined} values
 */
function say(element, slot, key, values) {
  if (key === undefined) return;
  element.dataset[slot] = key;
  if (values) element.dataset.tValues = JSON.stringify(values);
  else delete element.dataset.tValues;
  translate(element);
}

/**
 * The key is an input method's: Enter takes, and Escape gives up, what it offers. Safari tells of the Enter behind the
 * end, by a number alone.
 *
 * @param {KeyboardEvent} event
 */
export function isComposed(event) {
  return event.isComposing || event.keyCode === 229;
}
