/** The sound of a session from where the server may want it again, so that a lost connection loses no word. */

const MOST_SECONDS = 600;
/** At 24 kHz 29 MB. Who is cut off for longer loses what came first. */

export class KeptSound {
  /** @type {{at: number, samples: Int16Array<ArrayBuffer>}[]} in order and without gaps; `at` counts from the session's start */
  #pieces = [];
  #rate;

  /**
   * @param {number} rate Hz
   * @param {number} start seconds of the session at which the sound begins
   */
  constructor(rate, start) {
    this.#rate = rate;
    this.start = Math.round(start * rate);
    this.end = this.start;
    /** whether something was thrown away that the server has not had */
    this.lost = false;
  }

  /** @param {Int16Array<ArrayBuffer>} samples */
  append(samples) {
    this.#pieces.push({ at: this.end, samples });
    this.end += samples.length;
    const least = this.end - MOST_SECONDS * this.#rate;
    if (this.start < least) {
      this.lost = true;
      this.forget(least);
    }
  }

  /**
   * What lies before is not needed any more.
   *
   * @param {number} until sample of the session
   */
  forget(until) {
    while (this.#pieces.length > 0 && this.#pieces[0].at + this.#pieces[0].samples.length <= until) this.#pieces.shift();
    this.start = this.#pieces[0]?.at ?? this.end;
  }

  /** Count from here: another session begins with this sound. */
  beginAnew() {
    for (const piece of this.#pieces) piece.at -= this.start;
    this.end -= this.start;
    this.start = 0;
  }

  /**
   * The rest of the piece in which this sample is; null at the end.
   *
   * @param {number} sample of the session, not before `start`
   * @returns {Int16Array<ArrayBuffer> | null}
   */
  from(sample) {
    let [low, high] = [0, this.#pieces.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const { at, samples } = this.#pieces[middle];
      if (at + samples.length <= sample) low = middle + 1;
      else high = middle;
    }
    const found = this.#pieces[low];
    return found === undefined ? null : found.samples.subarray(Math.max(sample - found.at, 0));
  }
}
