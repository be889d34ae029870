/**
 * Who spoke when: a lane for everybody, under the waveform where there is one. A press goes there; by keyboard the
 * player's slider does the same.
 */
import { el } from "../dom.js";
import { t } from "../i18n.js";
import { span } from "../times.js";
import { speakingTimes } from "./people.js";
import { peaksOf, peaksOfLevels } from "./peaks.js";
import { badge } from "./turn.js";

/** @typedef {import("../recordings/recording.js").Recording} Recording */

const WAVE = 56;
const LANE = 22;
const BARS = 400;

export class Timeline extends EventTarget {
  /** @type {Recording | null} */
  #recording = null;
  /** @type {Float32Array | null} */
  #peaks = null;
  #time = 0;

  constructor() {
    super();
    this.names = el("div", { class: "lane-names", "aria-hidden": "true" });
    this.canvas = el("canvas", { role: "img" });
    this.cursor = el("div", { class: "cursor", "aria-hidden": "true" });
    this.area = el("div", { class: "lanes" }, this.canvas, this.cursor);
    this.element = el("div", { class: "timeline", hidden: true }, this.names, this.area);
    this.area.addEventListener("click", (event) => {
      const { left, width } = this.area.getBoundingClientRect();
      const share = (event.clientX - left) / width;
      this.dispatchEvent(new CustomEvent("seek", { detail: share * this.#length }));
    });
    new ResizeObserver(() => this.draw()).observe(this.area);
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
      matchMedia(query).addEventListener("change", () => this.draw());
    }
  }

  /** @param {Recording | null} recording */
  async load(recording) {
    this.#recording = recording;
    this.#peaks = null;
    this.draw();
    if (!recording?.sound || !recording.duration) return;
    const peaks = await peaksOf(recording.sound, recording.duration, BARS);
    if (this.#recording !== recording) return;
    this.#peaks = peaks;
    this.draw();
  }

  /** @param {number} time seconds */
  at(time) {
    this.#time = time;
    if (this.#length) this.cursor.style.setProperty("left", `${(100 * Math.min(time, this.#length)) / this.#length}%`);
  }

  get #length() {
    return this.#recording?.duration ?? this.#recording?.segments.at(-1)?.end ?? 0;
  }

  draw() {
    const recording = this.#recording;
    const peaks = this.#peaks ?? (recording?.waveform ? peaksOfLevels(recording.waveform) : null);
    this.element.hidden = !recording?.segments.length && !peaks;
    if (!recording || this.element.hidden) return;
    const shares = speakingTimes(recording);
    const people = recording.speakers.all.filter((label) => shares.has(label));
    const top = peaks ? WAVE : 0;
    const height = top + LANE * people.length;
    this.names.replaceChildren(...people.map((label) => badge(label, recording.speakers)));
    this.names.style.setProperty("padding-top", `${top}px`);
    const told = people.map((label) => `${recording.speakers.name(label)} ${span(shares.get(label) ?? 0)}`);
    this.canvas.setAttribute("aria-label", t("timeline.label", { people: told.join(", ") }));
    const paint = this.#prepared(height);
    if (peaks) this.#wave(paint, peaks, recording);
    people.forEach((label, lane) => this.#lane(paint, recording, label, top + lane * LANE));
    this.at(this.#time);
  }

  /**
   * An empty canvas as fine as the screen.
   *
   * @param {number} height
   */
  #prepared(height) {
    const [width, ratio] = [this.area.clientWidth, window.devicePixelRatio];
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.style.setProperty("height", `${height}px`);
    const paint = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    paint.scale(ratio, ratio);
    return paint;
  }

  /**
   * @param {CanvasRenderingContext2D} paint
   * @param {Float32Array} peaks
   * @param {Recording} recording
   */
  #wave(paint, peaks, recording) {
    const width = this.area.clientWidth;
    const each = width / peaks.length;
    const quiet = this.#colour("--edge");
    let next = 0;
    const speech = recording.segments.filter((segment) => segment.speaker !== "");
    peaks.forEach((peak, place) => {
      const time = ((place + 0.5) / peaks.length) * this.#length;
      while (next < speech.length && speech[next].end < time) next += 1;
      const by = speech[next]?.start <= time ? speech[next].speaker : null;
      paint.fillStyle = by === null || by === undefined ? quiet : this.#who(recording, by);
      const tall = Math.max(2, peak * (WAVE - 10));
      paint.beginPath();
      paint.roundRect(place * each, (WAVE - 6 - tall) / 2, Math.max(1, each - 1), tall, 1);
      paint.fill();
    });
  }

  /**
   * @param {CanvasRenderingContext2D} paint
   * @param {Recording} recording
   * @param {string} label
   * @param {number} top
   */
  #lane(paint, recording, label, top) {
    const scale = this.area.clientWidth / this.#length;
    paint.fillStyle = this.#colour("--line");
    paint.fillRect(0, top + LANE / 2 - 0.5, this.area.clientWidth, 1);
    paint.fillStyle = this.#who(recording, label);
    for (const { speaker, start, end } of recording.segments) {
      if (speaker === "" || recording.speakers.label(speaker) !== label) continue;
      paint.beginPath();
      paint.roundRect(start * scale, top + 5, Math.max(2, (end - start) * scale), LANE - 10, 3);
      paint.fill();
    }
  }

  /**
   * @param {Recording} recording
   * @param {string} label
   */
  #who(recording, label) {
    return this.#colour(`--speaker-${recording.speakers.number(label)}`);
  }

  /** @param {string} name of a custom property */
  #colour(name) {
    const forced = matchMedia("(forced-colors: active)").matches;
    return forced ? "CanvasText" : getComputedStyle(document.documentElement).getPropertyValue(name);
  }
}
