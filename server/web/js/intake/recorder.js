/**
 * The microphone into a file. What it has recorded is kept piece by piece in the browser's database, so that a reload
 * or a crash takes a second of it; it goes from there when the whole is kept elsewhere.
 */
import { el, write } from "../dom.js";
import { newId } from "../recordings/recording.js";
import * as store from "../store.js";
import { clock } from "../times.js";
import { Level } from "./level.js";
import { microphoneTrouble, openMicrophone } from "./microphone.js";

/** Milliseconds between two pieces. */
const PIECE = 1000;
const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];

/** @typedef {{blob: Blob, kind: string, began: number, id: string}} Piece */

export class Recorder {
  /** @type {MediaRecorder | null} */
  #recorder = null;
  #began = 0;
  #timer = 0;
  /** @type {Promise<unknown>} pieces on their way into the database */
  #kept = Promise.resolve();
  /** @type {WakeLockSentinel | null} */
  #awake = null;

  /**
   * @param {import("../shared.js").Shared} shared
   * @param {(file: File) => Promise<unknown>} take resolves when the file is kept
   */
  constructor(shared, take) {
    this.shared = shared;
    this.take = take;
    this.button = el("button", { type: "button", class: "record", on: { click: () => this.toggle() } });
    this.words = el("span", { t: "record.start" });
    this.button.append(el("span", { class: "dot", "aria-hidden": "true" }), this.words);
    this.clean = el("input", { type: "checkbox", id: "clean" });
    this.clock = el("span", { class: "clock" });
    this.level = new Level();
    this.lost = el("div", { class: "lost" });
    this.live = el("div", { class: "row center recording-now", hidden: true }, this.level.element, this.clock);
    this.panel = el(
      "div",
      { class: "recorder" },
      this.live,
      el("label", { class: "small row center", for: "clean" }, this.clean, el("span", { t: "record.clean" })),
      this.lost,
    );
  }

  toggle() {
    if (this.#recorder === null) this.#start();
    else this.#recorder.stop();
  }

  /** Offer what was cut off by a reload or a crash. */
  async recover() {
    const pieces = /** @type {Piece[]} */ (await store.all("pieces").catch(() => []));
    for (const id of new Set(pieces.map((piece) => piece.id))) {
      const theirs = pieces.filter((piece) => piece.id === id);
      const offer = el(
        "div",
        { class: "notice" },
        el("p", { t: "record.lost", values: { length: clock((theirs.length * PIECE) / 1000) } }),
        el(
          "div",
          { class: "row" },
          el("button", { type: "button", class: "strong", t: "record.keep", on: { click: () => (offer.remove(), this.#finish(theirs)) } }),
          el("button", { type: "button", t: "record.drop", on: { click: () => (offer.remove(), store.remove("pieces", id)) } }),
        ),
      );
      this.lost.append(offer);
    }
  }

  async #start() {
    /** @type {MediaStream} */
    let stream;
    try {
      stream = await openMicrophone(this.clean.checked);
    } catch (error) {
      this.shared.complain(microphoneTrouble(error));
      return;
    }
    const id = newId();
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    const recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
    /** @type {Piece[]} */
    const pieces = [];
    this.#began = Date.now();
    recorder.addEventListener("dataavailable", ({ data }) => {
      if (!data.size) return;
      const piece = { blob: data, kind: recorder.mimeType, began: this.#began, id };
      const key = [id, pieces.push(piece)];
      this.#kept = this.#kept.then(() => store.put("pieces", key, piece)).catch(() => {});
    });
    recorder.addEventListener("stop", () => this.#stopped(stream, pieces));
    for (const track of stream.getTracks()) track.addEventListener("ended", () => recorder.state !== "inactive" && recorder.stop());
    recorder.start(PIECE);
    this.#recorder = recorder;
    this.level.watch(stream);
    this.#show(true);
    this.#awake = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  }

  /**
   * @param {MediaStream} stream
   * @param {Piece[]} pieces
   */
  async #stopped(stream, pieces) {
    for (const track of stream.getTracks()) track.stop();
    this.#recorder = null;
    this.level.close();
    this.#awake?.release();
    this.#show(false);
    await this.#kept;
    if (pieces.length) await this.#finish(pieces);
  }

  /**
   * Pieces become a file, and go when that is kept.
   *
   * @param {Piece[]} pieces
   */
  async #finish(pieces) {
    const [{ kind, began, id }] = pieces;
    const ending = kind.includes("mp4") ? "m4a" : kind.includes("ogg") ? "ogg" : "webm";
    const at = new Date(began - 60_000 * new Date(began).getTimezoneOffset()).toISOString().slice(0, 16).replace("T", " ").replace(":", ".");
    const name = `${this.shared.t("record.name")} ${at}.${ending}`;
    await this.take(new File(pieces.map((piece) => piece.blob), name, { type: kind }));
    await store.remove("pieces", id).catch(() => {});
  }

  /** @param {boolean} on */
  #show(on) {
    this.button.classList.toggle("on", on);
    write(this.words, on ? "record.stop" : "record.start");
    this.live.hidden = !on;
    this.shared.say(this.shared.t(on ? "record.on" : "record.off"));
    window.clearInterval(this.#timer);
    const tick = () => (this.clock.textContent = clock((Date.now() - this.#began) / 1000));
    tick();
    if (on) this.#timer = window.setInterval(tick, 250);
  }
}
