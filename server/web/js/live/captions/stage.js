/**
 * Captions as on a screen in a room: some lines of large type that roll up when the last one is full. Words never move
 * otherwise: what was shown stays in its line, and a line that was begun is not taken back.
 *
 * Left-justified, each segment from the start of a line, the name at each change of speaker and not the colour alone.
 */
import { el } from "../../dom.js";

/**
 * @typedef {import("../script.js").Script} Script
 * @typedef {import("../script.js").Open} Open
 * @typedef {import("../../speakers.js").Speakers} Speakers
 * @typedef {import("./settings.js").CaptionSettings} CaptionSettings
 */

const SEGMENTS = 12;
/** So many fill any screen; what came before has rolled away. */
const COLOURS = 4;
/** White, yellow, cyan, green: what can be read on black. */

export class CaptionStage {
  #script;
  #speakers;
  #settings;
  #rolled = 0;
  /** @type {Map<string, HTMLElement>} by the segment's id, in order */
  #shown = new Map();
  #attached = new AbortController();
  #roll = el("div", { class: "roll" });
  #box = el("div", { class: "lines" }, this.#roll);
  #resized = new ResizeObserver(() => this.fit());

  /**
   * @param {Script} script
   * @param {Speakers} speakers
   * @param {CaptionSettings} settings
   */
  constructor(script, speakers, settings) {
    this.#script = script;
    this.#speakers = speakers;
    this.#settings = settings;
    this.element = el("div", { class: "stage" }, this.#box);
    const { signal } = this.#attached;
    script.addEventListener("change", () => this.#show(), { signal });
    speakers.addEventListener("change", () => this.#show(), { signal });
    document.addEventListener("translated", () => this.#show(), { signal });
    settings.addEventListener("change", () => this.#dress(), { signal });
    this.#resized.observe(this.#box);
    this.#dress();
  }

  /** Nothing is shown here any more. */
  remove() {
    this.#attached.abort();
    this.#resized.disconnect();
    this.element.remove();
  }

  #dress() {
    const { size, lines, colours } = this.#settings;
    this.element.dataset.colours = colours;
    this.element.style.setProperty("--caption-size", String(size));
    this.element.style.setProperty("--caption-lines", String(lines));
    this.#show();
    this.fit();
  }

  #show() {
    const segments = this.#visible();
    this.#drop(new Set(segments.map(({ id }) => id)));
    let before = "";
    for (const { id, speaker, text, tentative } of segments) {
      const label = speaker && this.#speakers.label(speaker);
      const line = this.#shown.get(id) ?? this.#add(id);
      const [who, certain, rest] = /** @type {HTMLElement[]} */ ([...line.children]);
      line.dataset.colour = label && String(this.#speakers.number(label) % COLOURS);
      put(who, label && label !== before ? `${this.#speakers.name(label)}: ` : "");
      put(certain, text);
      put(rest, tentative);
      before = label;
    }
    this.#rollUp();
  }

  /** @returns {Open[]} */
  #visible() {
    const closed = this.#script.closed.slice(-SEGMENTS).map((segment) => ({ ...segment, tentative: "" }));
    const open = this.#settings.tentative
      ? this.#script.open
      : this.#script.open.map((segment) => ({ ...segment, tentative: "" }));
    return [...closed, ...open].filter(({ text, tentative }) => text + tentative !== "");
  }

  /** @param {string} id */
  #add(id) {
    const line = el("p", { class: "caption-line", dir: "auto" }, el("b"), el("span"), el("span", { class: "tentative" }));
    this.#shown.set(id, line);
    this.#roll.append(line);
    return line;
  }

  /**
   * What rolled away goes, and what is left stays where it is on the screen.
   *
   * @param {Set<string>} kept
   */
  #drop(kept) {
    let isFirst = true;
    for (const [id, line] of this.#shown) {
      if (kept.has(id)) {
        isFirst = false;
        continue;
      }
      if (isFirst) this.#place(Math.max(this.#rolled - line.offsetHeight, 0), false);
      line.remove();
      this.#shown.delete(id);
    }
  }

  /** As far as the last line needs, and never back. */
  #rollUp() {
    this.#place(Math.max(this.#rolled, this.#roll.offsetHeight - this.#box.clientHeight), true);
  }

  /** Lines are broken anew: the last ones are shown. */
  fit() {
    this.#place(Math.max(this.#roll.offsetHeight - this.#box.clientHeight, 0), false);
  }

  /**
   * @param {number} rolled pixels
   * @param {boolean} seen as a movement
   */
  #place(rolled, seen) {
    if (rolled === this.#rolled) return;
    this.#rolled = rolled;
    this.#roll.classList.toggle("rolling", seen);
    this.#roll.style.setProperty("transform", `translateY(${-rolled}px)`);
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} text
 */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
