/**
 * Who speaks in one transcript: what everybody is called, and who turned out to be the same person.
 *
 * A speaker is known by the label that the server gave (`A`, `B`, ... or a known name), or by a number counted from 0.
 */
import { t } from "./i18n.js";

/** So many colours stand in base.css; behind the last they begin anew, and letters tell people apart. */
export const COLOURS = 8;

/** Tells "change" whenever names or people change. */
export class Speakers extends EventTarget {
  /** @type {string[]} in the order of their first words */
  #order = [];
  /** @type {Map<string, string>} label → name that the reader gave */
  #names = new Map();
  /** @type {Map<string, string>} label → label of whom it was merged into */
  #merged = new Map();

  /**
   * Who this is after all merges; somebody new is noted.
   *
   * @param {number | string} speaker
   * @returns {string}
   */
  label(speaker) {
    let label = typeof speaker === "number" ? letters(speaker) : speaker;
    for (let next = this.#merged.get(label); next !== undefined; next = this.#merged.get(label)) label = next;
    if (!this.#order.includes(label)) this.#order.push(label);
    return label;
  }

  /**
   * What to call somebody: the reader's name, a known name, or "Speaker A".
   *
   * @param {number | string} speaker
   * @returns {string}
   */
  name(speaker) {
    const label = this.label(speaker);
    return this.#names.get(label) ?? (isLetters(label) ? t("speaker.name", { letter: label }) : label);
  }

  /**
   * One or two letters that stand for somebody where there is no room for a name.
   *
   * @param {number | string} speaker
   * @returns {string}
   */
  letter(speaker) {
    const label = this.label(speaker);
    const named = this.#names.get(label) ?? label;
    return isLetters(named) ? named : [...named.trim()].slice(0, 1).join("").toLocaleUpperCase();
  }

  /**
   * The colour, as a value for CSS.
   *
   * @param {number | string} speaker
   * @returns {string}
   */
  colour(speaker) {
    return `var(--speaker-${this.number(speaker)})`;
  }

  /**
   * Which of the colours.
   *
   * @param {number | string} speaker
   * @returns {number}
   */
  number(speaker) {
    return this.#order.indexOf(this.label(speaker)) % COLOURS;
  }

  /**
   * @param {number | string} speaker
   * @param {string} name "" for none
   */
  rename(speaker, name) {
    const label = this.label(speaker);
    if (name.trim()) this.#names.set(label, name.trim());
    else this.#names.delete(label);
    this.#tell();
  }

  /**
   * The name that the reader gave, "" where there is none.
   *
   * @param {number | string} speaker
   */
  given(speaker) {
    return this.#names.get(this.label(speaker)) ?? "";
  }

  /**
   * Whatever `from` said, `into` said.
   *
   * @param {number | string} from
   * @param {number | string} into
   */
  merge(from, into) {
    const [gone, stays] = [this.label(from), this.label(into)];
    if (gone === stays) return;
    this.#merged.set(gone, stays);
    const name = this.#names.get(gone);
    if (name !== undefined && !this.#names.has(stays)) this.#names.set(stays, name);
    this.#tell();
  }

  /** Everybody who is somebody of their own, in the order of their first words. */
  get all() {
    return this.#order.filter((label) => !this.#merged.has(label));
  }

  /** What `restore` takes, to be kept. */
  get state() {
    return { order: this.#order, names: [...this.#names], merged: [...this.#merged] };
  }

  /** @param {{order: string[], names: [string, string][], merged: [string, string][]}} state */
  restore({ order, names, merged }) {
    this.#order = [...order];
    this.#names = new Map(names);
    this.#merged = new Map(merged);
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * 0 → A, 25 → Z, 26 → AA, as the server names speakers.
 *
 * @param {number} number
 * @returns {string}
 */
export function letters(number) {
  const last = String.fromCharCode(65 + (number % 26));
  return number < 26 ? last : letters(Math.floor(number / 26) - 1) + last;
}

/** @param {string} label */
function isLetters(label) {
  return /^[A-Z]{1,2}\d*$/.test(label);
}
