/** What is said, as a list that grows at its end and is followed there, unless the reader went back in it. */
import { el, label as name } from "../../dom.js";
import { clock } from "../../times.js";

/**
 * @typedef {import("../script.js").Script} Script
 * @typedef {import("../script.js").Closed} Closed
 * @typedef {import("../../speakers.js").Speakers} Speakers
 * @typedef {{item: HTMLLIElement, who: HTMLButtonElement, time: HTMLTimeElement, text: HTMLElement, tentative: HTMLElement}} Row
 */

const AT_THE_END = 24;
/** Pixels: nearer than this is meant to be the end. */

export class Conversation {
  #script;
  #speakers;
  /** @type {Map<string, Row>} by the segment's id, in the order of the list */
  #rows = new Map();
  #following = true;

  /**
   * @param {Script} script
   * @param {Speakers} speakers
   * @param {{chosen: (speaker: string) => void, tryOut: () => void}} asked chosen: somebody's name was clicked
   */
  constructor(script, speakers, { chosen, tryOut }) {
    this.#script = script;
    this.#speakers = speakers;
    this.chosen = chosen;
    this.list = el("ol", { class: "live-list" });
    this.empty = el(
      "div",
      { class: "live-empty soft" },
      el("p", { t: "live.empty" }),
      el("button", { type: "button", class: "live-try", t: "live.try", on: { click: tryOut } }),
    );
    this.region = el("div", { class: "live-text", tabindex: "0", role: "region", label: "live.said" }, this.empty, this.list);
    this.newest = el("button", { type: "button", class: "live-newest", hidden: true, t: "live.newest" });
    this.element = el("div", { class: "live-scroll" }, this.region, this.newest);
    this.region.addEventListener("scroll", () => this.#follow(this.#isAtEnd()));
    this.newest.addEventListener("click", () => {
      this.#toEnd();
      this.region.focus();
    });
    script.addEventListener("change", () => this.#show());
    speakers.addEventListener("change", () => this.#show());
    document.addEventListener("translated", () => this.#show());
    this.#show();
  }

  #show() {
    const segments = [...this.#script.closed, ...this.#script.open];
    const gone = new Set(this.#rows.keys());
    let before = "";
    /** @type {HTMLElement | null} */
    let last = null;
    for (const segment of segments) {
      const row = this.#rows.get(segment.id) ?? this.#add(segment.id);
      gone.delete(segment.id);
      this.#fill(row, segment, before);
      const place = /** @type {ChildNode | null} */ (last === null ? this.list.firstChild : last.nextSibling);
      if (place !== row.item) this.list.insertBefore(row.item, place);
      [before, last] = [this.#label(segment), row.item];
    }
    for (const id of gone) {
      this.#rows.get(id)?.item.remove();
      this.#rows.delete(id);
    }
    this.empty.hidden = segments.length > 0;
    if (this.#following) this.#toEnd();
  }

  /** @param {string} id */
  #add(id) {
    const who = el("button", { type: "button", class: "live-who", tip: "live.rename" });
    const time = el("time", { class: "small" });
    const text = el("span", { class: "certain" });
    const tentative = el("span", { class: "tentative" });
    const item = el("li", {}, el("p", { class: "by" }, who, time), el("p", { class: "text", dir: "auto" }, text, tentative));
    const row = { item, who, time, text, tentative };
    who.addEventListener("click", () => this.chosen(row.item.dataset.speaker ?? ""));
    this.#rows.set(id, row);
    return row;
  }

  /**
   * @param {Row} row
   * @param {Closed & {tentative?: string}} segment
   * @param {string} before who spoke
   */
  #fill(row, segment, before) {
    const label = this.#label(segment);
    row.item.dataset.speaker = label;
    row.item.classList.toggle("same", label !== "" && label === before);
    row.who.hidden = label === "";
    if (label !== "") {
      const called = this.#speakers.name(label);
      if (put(row.who, called)) name(row.who, "people.rename", { name: called });
      row.item.style.setProperty("--speaker", this.#speakers.colour(label));
    }
    put(row.time, clock(segment.start));
    put(row.text, segment.text);
    put(row.tentative, segment.tentative ?? "");
  }

  /** @param {Closed} segment */
  #label({ speaker }) {
    return speaker && this.#speakers.label(speaker);
  }

  #isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.region;
    return scrollTop + clientHeight >= scrollHeight - AT_THE_END;
  }

  #toEnd() {
    this.region.scrollTop = this.region.scrollHeight;
    this.#follow(true);
  }

  /** @param {boolean} following */
  #follow(following) {
    this.#following = following;
    this.newest.hidden = following;
  }
}

/**
 * Texts that have not changed are left alone: somebody may have marked them.
 *
 * @param {HTMLElement} element
 * @param {string} text
 * @returns {boolean} whether it is another text
 */
function put(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}
