/**
 * The words of a conversation by keyboard: one stop of the Tab key, arrows from word to word and from turn to turn,
 * Enter to hear a word, F2 to correct its segment.
 */

/** @typedef {import("./view.js").TranscriptView} TranscriptView */

export class WordKeys {
  /** @type {HTMLElement | null} the stop */
  #stop = null;

  /** @param {TranscriptView} view */
  constructor(view) {
    this.view = view;
    view.list.addEventListener("keydown", (event) => this.#pressed(event));
    view.list.addEventListener("focusin", ({ target }) => {
      if (target instanceof HTMLElement && target.dataset.word) this.#stopAt(target);
    });
  }

  /** Words have come or gone. */
  refresh() {
    if (this.#stop?.isConnected) return;
    const first = this.view.turns[0]?.spans[0];
    if (first) this.#stopAt(first);
  }

  /** @param {HTMLElement} word */
  #stopAt(word) {
    if (this.#stop) this.#stop.tabIndex = -1;
    word.tabIndex = 0;
    this.#stop = word;
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const word = event.target;
    if (!(word instanceof HTMLElement) || !word.dataset.word || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = this.#next(word, event.key);
    if (next) {
      this.#stopAt(next);
      next.focus();
    } else if (event.key === "Enter") this.view.playWord(word);
    else if (event.key === "F2") this.view.edit(this.view.turnOf(word)?.segment.id ?? "");
    else return;
    event.preventDefault();
  }

  /**
   * @param {HTMLElement} word
   * @param {string} key
   * @returns {HTMLElement | undefined}
   */
  #next(word, key) {
    const { turns } = this.view;
    const turn = this.view.turnOf(word);
    if (turn === undefined) return undefined;
    const [row, column] = [turns.indexOf(turn), Number(word.dataset.word)];
    switch (key) {
      case "ArrowRight":
        return turn.spans[column + 1] ?? turns[row + 1]?.spans[0];
      case "ArrowLeft":
        return turn.spans[column - 1] ?? turns[row - 1]?.spans.at(-1);
      case "ArrowDown":
        return turns[row + 1]?.spans[0];
      case "ArrowUp":
        return turns[row - 1]?.spans[0];
      case "Home":
        return turns[0].spans[0];
      case "End":
        return turns.at(-1)?.spans[0];
      default:
        return undefined;
    }
  }
}
