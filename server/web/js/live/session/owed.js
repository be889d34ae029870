/** Which words are still to come: items that were committed and are not done, and the answer to the last commit. */

/** @typedef {import("./connection.js").Message} Message */

export class Owed {
  /** @type {Set<string>} */
  #items = new Set();
  /** @type {Set<string>} those that the newest token knows of */
  #sure = new Set();
  #asked = false;
  #answered = false;
  /** `session.updated` that are still to come */
  #updates = 0;

  /** A new connection is configured: that is one `session.updated`. */
  connected() {
    this.#asked = this.#answered = false;
    this.#updates = 1;
  }

  /**
   * The last commit is to be sent now, with an update of the session behind it, whose answer comes behind the commit's.
   *
   * @returns {boolean} whether it was not before
   */
  ask() {
    if (this.#asked) return false;
    this.#asked = true;
    this.#updates++;
    return true;
  }

  /** @param {Message} message */
  take({ type, item_id, item }) {
    if (type === "input_audio_buffer.committed") this.#items.add(item_id);
    else if (type === "conversation.item.done") this.#items.delete(item.id);
    else if (type.endsWith("input_audio_transcription.failed")) this.#items.delete(item_id);
    else if (type === "session.updated" && --this.#updates === 0 && this.#asked) this.#answered = true;
  }

  /** What was told so far will not be told again. */
  settle() {
    this.#sure = new Set(this.#items);
  }

  /** What was told behind `settle` will be told again. */
  recall() {
    this.#items = new Set(this.#sure);
  }

  /** The last commit was answered, all words of all items have come, and the token behind them. */
  get isPaid() {
    return this.#answered && this.#items.size === 0 && this.#sure.size === 0;
  }
}
