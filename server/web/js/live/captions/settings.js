/** How captions look, as the reader last chose it. */

const KEPT = "captions";
export const SIZES = { least: 2, most: 9, usual: 4 };
/** Hundredths of the width. */
export const LINES = [2, 3, 4, 6];
export const COLOURS = /** @type {const} */ (["white-on-black", "yellow-on-black", "black-on-white"]);

/**
 * @typedef {typeof COLOURS[number]} Colours
 * @typedef {{size: number, lines: number, colours: Colours, tentative: boolean}} Look
 */

/** Tells "change". */
export class CaptionSettings extends EventTarget {
  /** @type {Look} words that may still change are left out: to see words change makes reading hard */
  #look = { size: SIZES.usual, lines: 3, colours: COLOURS[0], tentative: false, ...kept() };

  get size() {
    return this.#look.size;
  }

  get lines() {
    return this.#look.lines;
  }

  get colours() {
    return this.#look.colours;
  }

  get tentative() {
    return this.#look.tentative;
  }

  /** @param {Partial<Look>} changes */
  change(changes) {
    Object.assign(this.#look, changes);
    this.#look.size = Math.min(Math.max(this.#look.size, SIZES.least), SIZES.most);
    localStorage.setItem(KEPT, JSON.stringify(this.#look));
    this.dispatchEvent(new Event("change"));
  }
}

/** @returns {Partial<Look>} */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}");
  } catch {
    return {};
  }
}
