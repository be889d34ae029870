/** Words of a conversation that are looked for: all of them marked, and one after the other brought into sight. */
import { el, isComposed, write } from "../dom.js";

/** @typedef {import("./view.js").TranscriptView} TranscriptView */

export class Search {
  /** @type {HTMLElement[][]} the words of each place, in order */
  #found = [];
  #current = -1;

  /** @param {TranscriptView} view */
  constructor(view) {
    this.view = view;
    this.field = el("input", { type: "search", label: "search.label", hint: "search.label" });
    this.count = el("span", { class: "small count", role: "status" });
    this.element = el("div", { class: "search", role: "search" }, this.field, this.count);
    this.field.addEventListener("input", () => this.refresh(true));
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || isComposed(event)) return;
      event.preventDefault();
      this.#go(event.shiftKey ? -1 : 1);
    });
  }

  /**
   * The conversation or the question is another.
   *
   * @param {boolean} [asked] by the reader: the first place is shown
   */
  refresh(asked = false) {
    for (const span of this.#found.flat()) span.classList.remove("found", "found-now");
    const wanted = fold(this.field.value.trim());
    this.#found = wanted ? this.view.turns.flatMap((turn) => places(turn, wanted)) : [];
    for (const span of this.#found.flat()) span.classList.add("found");
    this.#current = Math.min(this.#current, this.#found.length - 1);
    if (asked) {
      this.#current = -1;
      this.#go(1);
    }
    this.#tell(wanted);
  }

  /** @param {number} step */
  #go(step) {
    if (!this.#found.length) return;
    for (const span of this.#found[this.#current] ?? []) span.classList.remove("found-now");
    this.#current = (this.#current + step + this.#found.length) % this.#found.length;
    const spans = this.#found[this.#current];
    for (const span of spans) span.classList.add("found-now");
    spans[0].scrollIntoView({ block: "center" });
    this.#tell("found");
  }

  /** @param {string} wanted */
  #tell(wanted) {
    const all = this.#found.length;
    if (!wanted) this.count.textContent = "";
    else if (all) write(this.count, "search.count", { place: Math.max(1, this.#current + 1), all });
    else write(this.count, "search.none");
    if (!wanted) delete this.count.dataset.t;
  }
}

/**
 * Where a turn has the words.
 *
 * @param {import("./turn.js").Turn} turn
 * @param {string} wanted
 * @returns {HTMLElement[][]}
 */
function places({ words, spans }, wanted) {
  let text = "";
  const starts = words.map(({ lead, text: word }) => {
    text += lead;
    const start = text.length;
    text += fold(word);
    return start;
  });
  const found = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    const end = at + wanted.length;
    found.push(spans.filter((_, place) => starts[place] < end && (starts[place + 1] ?? Infinity) > at));
  }
  return found;
}

/** @param {string} text */
function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}
