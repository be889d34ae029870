/**
 * What was said: segments that are closed, which never change, and the open ones behind them, whose end may change.
 *
 * A session that goes on after a lost connection tells again what came behind its last token. Until it does, this is
 * shown as open: nothing vanishes from the screen, and nothing stands there twice.
 *
 * A new session counts its time from 0 and its speakers from A. Its text follows what was said before all the same: its
 * times are moved behind, and its speakers are others (A2, B2), for nobody knows whether they are the same people.
 *
 * @typedef {import("../transcript/segments.js").Segment} Segment
 * @typedef {Segment} Closed
 * @typedef {Closed & {tentative: string}} Open `text` stays, `tentative` (with the space in front of it) may change
 * @typedef {{closed: Closed[], part: number, offset: number}} Kept
 */

/** Tells "change" whenever something was said or taken back. */
export class Script extends EventTarget {
  /** @type {Closed[]} */
  closed = [];
  /** @type {Open[]} */
  open = [];
  /** which session it is, from 1 */
  #part = 1;
  /** seconds at which the present session began */
  #offset = 0;
  /** so many closed segments will not be told again */
  #sure = 0;
  /** @type {"" | "waits" | "passed"} what is open was told on a connection that is lost; "passed": something came since */
  #recalled = "";

  get isEmpty() {
    return this.closed.length === 0 && this.open.length === 0;
  }

  /** Where the last closed segment ends, in seconds of the present session. */
  get settled() {
    return Math.max((this.closed.at(-1)?.end ?? 0) - this.#offset, 0);
  }

  /**
   * A closed segment, as the server tells it: one that was ended before it was whole is told again.
   *
   * @param {Closed} told
   */
  close(told) {
    const segment = this.#own(told);
    const before = this.closed.findLastIndex(({ id }) => id === segment.id);
    if (before < 0) this.closed.push(segment);
    else this.closed[before] = segment;
    this.open = this.open.filter((open) => open.id !== segment.id);
    if (this.#recalled) this.#recalled = "passed";
    this.#tell();
  }

  /**
   * All segments that are not closed.
   *
   * @param {Open[]} told
   */
  suppose(told) {
    this.#recalled = "";
    this.open = told.map((segment) => ({ ...this.#own(segment), tentative: segment.tentative }));
    this.#tell();
  }

  /** What was told so far will not be told again, and all that is open was told. */
  settle() {
    this.#sure = this.closed.length;
    if (this.#recalled === "passed") this.suppose([]);
  }

  /** The connection is lost: what was told behind `settle` will be told again. */
  recall() {
    const again = this.closed.splice(this.#sure).map((segment) => ({ ...segment, tentative: "" }));
    const ids = new Set(again.map((segment) => segment.id));
    this.open = [...again, ...this.open.filter((segment) => !ids.has(segment.id))];
    this.#recalled = "waits";
    this.#tell();
  }

  /**
   * Another session goes on: what was recalled comes in it, under other names.
   *
   * @param {number} offset seconds of the session so far at which it begins
   */
  beginPart(offset) {
    if (this.closed.length > 0) {
      this.#part++;
      this.#offset += offset;
    }
    this.#sure = this.closed.length;
    this.#recalled = "waits";
  }

  /** Nothing more is told: what is open stays as it is. */
  end() {
    [this.closed, this.open] = [this.#whole, []];
    this.#sure = this.closed.length;
    this.#tell();
  }

  clear() {
    [this.closed, this.open] = [[], []];
    [this.#part, this.#offset, this.#sure, this.#recalled] = [1, 0, 0, ""];
    this.#tell();
  }

  /** @returns {Kept} what `restore` takes: all of it is closed then */
  get state() {
    return { closed: this.#whole, part: this.#part, offset: this.#offset };
  }

  /** @param {Kept} state */
  restore({ closed, part, offset }) {
    this.clear();
    [this.closed, this.#part, this.#offset, this.#sure] = [closed, part, offset, closed.length];
    this.#tell();
  }

  /** Everything that was said, as closed segments. */
  get #whole() {
    const open = this.open.map(({ tentative, ...segment }) => ({ ...segment, text: segment.text + tentative }));
    return [...this.closed, ...open.filter(({ text }) => text.trim() !== "")];
  }

  /**
   * As a segment of all sessions together.
   *
   * @param {Closed} told
   * @returns {Closed}
   */
  #own({ id, start, end, speaker, text }) {
    const later = this.#part > 1;
    return {
      id: later ? `${id}.${this.#part}` : id,
      start: start + this.#offset,
      end: end + this.#offset,
      speaker: later && speaker ? `${speaker}${this.#part}` : speaker,
      text,
    };
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
