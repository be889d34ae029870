/**
 * A conversation to read, to hear and to correct. What is done with it is told by events:
 *
 * - "play" with `detail` seconds: a word or a time was chosen
 * - "who" with `detail` label: a name was chosen
 * - "edit" with `detail` {segment, turn}: a segment is to be corrected
 * - "away": the reader has scrolled, and may want to stay there
 */
import { el, motion } from "../dom.js";
import { Speakers } from "../speakers.js";
import { WordKeys } from "./keys.js";
import { isSilence, isSound } from "./segments.js";
import { imprint, makeTurn } from "./turn.js";

/**
 * @typedef {import("./segments.js").Segment} Segment
 * @typedef {import("./turn.js").Turn} Turn
 */

export class TranscriptView extends EventTarget {
  speakers = new Speakers();
  /** @type {Turn[]} in the order of the page */
  turns = [];
  /** The page keeps what is heard in sight. */
  following = true;
  /** @type {HTMLElement | null} the word that is heard */
  #heard = null;
  /** @type {Element | null} the turn in which a word was chosen last */
  #chosen = null;
  /** @type {string | null} of the segment that is being corrected: it stays as it is */
  editing = null;

  /** @param {HTMLElement} container */
  constructor(container) {
    super();
    this.list = el("ol", { class: "conversation", label: "transcript.label" });
    this.opened = el("p", { class: "open-words", dir: "auto", hidden: true });
    this.keys = new WordKeys(this);
    container.append(this.list, this.opened);
    this.list.addEventListener("click", (event) => this.#clicked(/** @type {MouseEvent} */ (event)));
    this.list.addEventListener("dblclick", (event) => this.#doubled(/** @type {MouseEvent} */ (event)));
    for (const moved of ["wheel", "touchmove"]) {
      document.addEventListener(moved, () => this.#away(), { passive: true });
    }
    document.addEventListener("keydown", ({ key }) => (key === "PageUp" || key === "PageDown") && this.#away());
  }

  /**
   * Show these segments; what is there already stays.
   *
   * @param {Segment[]} segments
   * @param {string} [open] words behind them that are not finished
   */
  show(segments, open = "") {
    const told = segments.filter((segment) => !isSilence(segment));
    const before = new Map(this.turns.map((turn) => [turn.segment.id, turn]));
    this.turns = told.map((segment, place) => this.#turn(segment, told[place - 1], before));
    for (const gone of before.values()) gone.element.remove();
    this.turns.forEach(({ element }, place) => {
      if (this.list.children[place] !== element) this.list.insertBefore(element, this.list.children[place] ?? null);
    });
    this.opened.textContent = open;
    this.opened.hidden = open.trim() === "";
    this.keys.refresh();
  }

  /**
   * Light up what is said at this time.
   *
   * @param {number} time seconds
   */
  heard(time) {
    const turn = this.turns.findLast((each) => each.segment.start <= time);
    const place = turn === undefined || time > turn.segment.end + 0.3 ? -1 : turn.words.findLastIndex((word) => word.start <= time);
    const word = place < 0 ? null : (turn?.spans[place] ?? null);
    if (word === this.#heard) return;
    this.#heard?.classList.remove("heard");
    word?.classList.add("heard");
    const turned = word?.closest(".turn");
    const moved = turned !== this.#heard?.closest(".turn");
    this.#heard = word;
    // What was chosen is in sight, and has to stay under a pointer that may click twice.
    if (turned && this.following && moved && turned !== this.#chosen) this.scrollToHeard();
    if (turned !== this.#chosen) this.#chosen = null;
  }

  /** Bring what is heard into sight. */
  scrollToHeard() {
    this.#heard?.closest(".turn")?.scrollIntoView({ block: "center", behavior: motion() });
  }

  /**
   * @param {Segment} segment
   * @param {Segment | undefined} previous
   * @param {Map<string, Turn>} before those that may be kept; what is kept is taken out
   * @returns {Turn}
   */
  #turn(segment, previous, before) {
    const goesOn =
      previous !== undefined &&
      !isSound(segment) &&
      !isSound(previous) &&
      this.speakers.label(previous.speaker) === this.speakers.label(segment.speaker);
    const old = before.get(segment.id);
    if (old && (this.editing === segment.id || old.shown === imprint(segment, this.speakers, goesOn))) {
      before.delete(segment.id);
      old.segment = segment;
      return old;
    }
    return makeTurn(segment, this.speakers, goesOn);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const button = target.closest("button");
    if (button?.dataset.play) this.tell("play", Number(button.dataset.play));
    else if (button?.dataset.who) this.tell("who", button.dataset.who);
    else if (button?.dataset.edit) this.edit(button.dataset.edit);
    else if (target.dataset.word && !String(getSelection()).trim()) this.playWord(target);
  }

  /** @param {MouseEvent} event */
  #doubled(event) {
    const turn = /** @type {HTMLElement} */ (event.target).closest(".turn");
    const onWord = /** @type {HTMLElement} */ (event.target).dataset.word !== undefined;
    if (onWord && turn instanceof HTMLElement) this.edit(turn.dataset.id ?? "");
  }

  /** @param {HTMLElement} span */
  playWord(span) {
    const turn = this.turnOf(span);
    if (turn === undefined) return;
    this.#chosen = turn.element;
    this.tell("play", turn.words[Number(span.dataset.word)].start);
  }

  /** @param {string} id of a segment */
  edit(id) {
    const turn = this.turns.find((each) => each.segment.id === id);
    if (turn && this.editing === null) this.tell("edit", turn);
  }

  /** @param {HTMLElement} inside */
  turnOf(inside) {
    const id = /** @type {HTMLElement | null} */ (inside.closest(".turn"))?.dataset.id;
    return this.turns.find((turn) => turn.segment.id === id);
  }

  #away() {
    if (this.following) this.tell("away", null);
  }

  /**
   * @param {string} what
   * @param {unknown} detail
   */
  tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}
