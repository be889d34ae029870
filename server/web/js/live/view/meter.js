/** How loud it is, and a word where nothing arrives at all. */
import { el } from "../../dom.js";

const FLOOR = -60;
/** Decibels below full scale at which the bar is empty. */
const SILENCE = -75;
const PATIENCE = 50;
/** Pieces of a tenth of a second. */

export class Meter {
  #bar = el("div", { class: "meter-bar" });
  #quiet = 0;

  constructor() {
    this.bar = el("div", { class: "meter", "aria-hidden": "true" }, this.#bar);
    this.hint = el("p", { class: "small meter-hint", hidden: true, t: "live.silent" });
  }

  /** @param {number} level root mean square of a tenth of a second, 0 to 1 */
  show(level) {
    const decibels = 20 * Math.log10(Math.max(level, 1e-6));
    const share = Math.min(Math.max(1 - decibels / FLOOR, 0), 1);
    this.#bar.style.setProperty("transform", `scaleX(${share})`);
    this.#quiet = decibels < SILENCE ? this.#quiet + 1 : 0;
    this.hint.hidden = this.#quiet < PATIENCE;
  }

  rest() {
    this.show(0);
    this.#quiet = 0;
    this.hint.hidden = true;
  }
}
