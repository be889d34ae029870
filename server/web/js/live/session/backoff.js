/** How long to wait between attempts: at first hardly at all, then longer, and never all clients at once. */

const FIRST_SECONDS = 0.25;
const LONGEST_SECONDS = 3;

export class Backoff {
  #next = FIRST_SECONDS;

  /** Something was achieved: the next wait is the shortest again. */
  reset() {
    this.#next = FIRST_SECONDS;
  }

  /**
   * A connection is lost. One that lasted longer than the longest wait was well, even where nobody spoke on it; a server
   * that takes connections and drops them is asked less and less often.
   *
   * @param {number} seconds that it was a session
   * @returns {boolean} whether it was well
   */
  lasted(seconds) {
    const well = seconds > LONGEST_SECONDS;
    if (well) this.reset();
    return well;
  }

  /**
   * @param {number} least seconds that the server asked for
   * @returns {number} seconds
   */
  next(least) {
    const wait = Math.max(this.#next, least);
    this.#next = Math.min(this.#next * 2, LONGEST_SECONDS);
    return wait * (0.75 + Math.random() / 2);
  }
}
