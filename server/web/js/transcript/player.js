/**
 * The recording as it is heard: play, back and forth, speed. Tells "time" many times a second while it plays, and
 * "state" when it starts, stops or is another.
 */
import { el, label } from "../dom.js";
import { clock } from "../times.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const STEP = 5;

export class Player extends EventTarget {
  /** @type {string | null} */
  #url = null;
  #frame = 0;
  /** @type {number | null} seconds, where to go once the browser knows what it plays */
  #begin = null;

  constructor() {
    super();
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.play = el("button", { type: "button", class: "play strong", label: "player.play", on: { click: () => this.toggle() } });
    this.glyph = el("span", { class: "glyph", "aria-hidden": "true" }, "▶");
    this.play.append(this.glyph);
    this.seek = el("input", { type: "range", class: "seek", min: "0", max: "1", step: "0.1", value: "0", label: "player.seek" });
    this.at = el("span", { class: "clock" }, "0:00");
    this.element = el(
      "div",
      { class: "player", role: "group", label: "player.label" },
      this.#stepper(-STEP, "player.back"),
      this.play,
      this.#stepper(STEP, "player.forth"),
      this.seek,
      this.at,
      this.#speeds(),
    );
    this.seek.addEventListener("input", () => this.goTo(Number(this.seek.value)));
    for (const event of ["play", "pause", "ended"]) this.audio.addEventListener(event, () => this.#turned());
    for (const event of ["seeked", "timeupdate", "durationchange"]) this.audio.addEventListener(event, () => this.#moved());
    this.audio.addEventListener("loadedmetadata", () => this.#begin !== null && this.goTo(this.#begin));
    this.audio.addEventListener("error", () => this.#url && this.tell("state"));
  }

  /** The browser can play what there is. */
  get playable() {
    return this.#url !== null && this.audio.error === null;
  }

  /** It is heard at this moment. */
  get plays() {
    return !this.audio.paused && !this.audio.ended;
  }

  /** Seconds. */
  get time() {
    return this.audio.currentTime;
  }

  /**
   * @param {Blob | null} sound
   * @param {number | null} duration seconds, where it is known
   */
  load(sound, duration) {
    this.audio.pause();
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = sound === null ? null : URL.createObjectURL(sound);
    this.#begin = null;
    if (this.#url) this.audio.src = this.#url;
    else this.audio.removeAttribute("src");
    this.known(duration);
    this.tell("state");
  }

  /** @param {number | null} duration seconds */
  known(duration) {
    this.duration = duration ?? 0;
    this.seek.max = String(this.duration || 1);
    this.#moved();
  }

  toggle() {
    if (this.audio.paused) this.start();
    else this.audio.pause();
  }

  /** @param {number} [time] seconds from which on */
  start(time) {
    if (!this.playable) return;
    if (time !== undefined) this.goTo(time);
    this.audio.play().catch(() => this.tell("state"));
  }

  /** @param {number} time seconds */
  goTo(time) {
    const there = Math.min(Math.max(0, time), this.duration || time);
    this.audio.currentTime = there;
    const known = this.audio.readyState >= HTMLMediaElement.HAVE_METADATA; // before, WebKit forgets where it shall go
    this.#begin = known ? null : there;
    this.#moved();
  }

  /** Nothing more is heard of it. */
  close() {
    this.load(null, null);
  }

  #turned() {
    const { plays } = this;
    label(this.play, plays ? "player.pause" : "player.play");
    this.glyph.textContent = plays ? "❚❚" : "▶";
    this.tell("state");
    window.cancelAnimationFrame(this.#frame);
    if (plays) this.#run();
  }

  #run() {
    this.#moved();
    this.#frame = window.requestAnimationFrame(() => this.#run());
  }

  #moved() {
    const { time } = this;
    this.seek.value = String(time);
    const at = clock(time);
    const words = this.duration ? `${at} / ${clock(this.duration)}` : at;
    if (this.at.textContent !== words) {
      this.at.textContent = words;
      this.seek.setAttribute("aria-valuetext", words);
    }
    this.tell("time");
  }

  /**
   * @param {number} seconds
   * @param {string} key
   */
  #stepper(seconds, key) {
    const words = `${seconds > 0 ? "+" : "−"}${Math.abs(seconds)}`;
    return el("button", { type: "button", class: "quiet step", label: key, on: { click: () => this.goTo(this.time + seconds) } }, words);
  }

  #speeds() {
    const select = el("select", { label: "player.speed" });
    for (const speed of SPEEDS) select.append(el("option", { value: speed, selected: speed === 1 }, `${speed}×`));
    select.addEventListener("change", () => {
      this.audio.playbackRate = Number(select.value);
      this.audio.defaultPlaybackRate = Number(select.value);
    });
    return select;
  }

  /** @param {string} what */
  tell(what) {
    this.dispatchEvent(new Event(what));
  }
}
