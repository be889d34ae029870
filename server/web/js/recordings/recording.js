/**
 * A recording on this page, from the choice of a file to its corrected transcript. It tells "change" whenever something
 * that is shown is another, and is kept in the browser's database until the reader deletes it.
 *
 * @typedef {import("../transcript/segments.js").Segment} Segment
 * @typedef {"waiting" | "uploading" | "listening" | "done" | "failed" | "stopped"} State
 * @typedef {{hotwords: string, prompt: string, known?: import("../intake/known_speakers.js").Known[]}} Wishes
 * @typedef {ReturnType<Recording["state"]>} Kept
 */
import * as store from "../store.js";
import { Speakers } from "../speakers.js";

/** Milliseconds. */
const SAVE_AFTER = 400;
/** In place of a timer: nothing is kept any more. */
const FORGOTTEN = -1;
/** Corrections that can be taken back. */
const MOST_STEPS = 50;

export class Recording extends EventTarget {
  /** @type {State} */
  status = "waiting";
  /** @type {Segment[]} as they are now, corrections included */
  segments = [];
  speakers = new Speakers();
  /** Words that belong to no finished segment yet. */
  open = "";
  /** @type {number | null} seconds, as far as the browser or the server can tell */
  duration = null;
  /** How much of the upload, or of the sound, is through: 0 to 1. */
  progress = 0;
  /** @type {number | null} seconds, estimated */
  left = null;
  /** @type {string} in words */
  error = "";
  /** @type {string} why it waits, as the server names it */
  reason = "";
  /** @type {string | null} of the server, where it is one of its jobs */
  job = null;
  /** The last of the job's events that came. */
  lastEvent = "0";
  /** @type {object | null} OpenAI's usage, as the server told it */
  usage = null;
  /** @type {string[]} sentences that the server adds */
  notes = [];
  /** Nothing of it was cut, as far as the server knows. */
  complete = true;
  /** @type {number[] | null} how loud equal parts of it are, in dBFS */
  waveform = null;
  /** @type {Blob | null} the sound, where it is still there */
  sound = null;
  /** @type {Wishes} */
  wishes = { hotwords: "", prompt: "" };
  #saving = 0;
  /** @type {string[]} what corrections changed, the last one last */
  #steps = [];

  /**
   * @param {string} id
   * @param {string} name of the file
   * @param {number} size bytes
   * @param {number} created Unix time in milliseconds
   */
  constructor(id, name, size, created) {
    super();
    this.id = id;
    this.name = name;
    this.size = size;
    this.created = created;
    this.speakers.addEventListener("change", () => this.changed());
    const leaving = () => this.#saving > 0 && this.save();
    window.addEventListener("pagehide", leaving);
    document.addEventListener("visibilitychange", () => document.hidden && leaving()); // on a phone nothing else may come
  }

  /**
   * Something is another now; it is kept soon.
   *
   * @param {string} [what] "change", or "segments" where the conversation itself is another
   */
  changed(what = "change") {
    this.dispatchEvent(new Event(what));
    if (what !== "change") this.dispatchEvent(new Event("change"));
    this.#saving ||= window.setTimeout(() => this.save(), SAVE_AFTER);
  }

  /**
   * A correction by the reader, which can be taken back. It is kept at once: nobody waits before a reload.
   *
   * @param {() => void} change
   */
  correct(change) {
    this.#steps.push(JSON.stringify({ segments: this.segments, speakers: this.speakers.state }));
    if (this.#steps.length > MOST_STEPS) this.#steps.shift();
    change();
    this.changed("segments");
    void this.save();
  }

  /** There is a correction to take back. */
  get corrected() {
    return this.#steps.length > 0;
  }

  /** Take the last correction back. What came from the server since stays. */
  undo() {
    const before = this.#steps.pop();
    if (before === undefined) return;
    const { segments, speakers } = JSON.parse(before);
    const last = segments.at(-1)?.start ?? -1;
    this.segments = [...segments, ...this.segments.filter((each) => each.start > last)];
    this.speakers.restore(speakers);
    this.changed("segments");
    void this.save();
  }

  /** Nothing more happens by itself. */
  get ended() {
    return this.status === "done" || this.status === "failed" || this.status === "stopped";
  }

  /** Keep everything but the sound. A browser that keeps nothing is no reason to stop. */
  async save() {
    if (this.#saving === FORGOTTEN) return;
    window.clearTimeout(this.#saving);
    this.#saving = 0;
    await store.put("recordings", this.id, this.state()).catch(() => {});
  }

  /**
   * Keep the sound too.
   *
   * @returns {Promise<boolean>} whether there was room
   */
  async saveSound() {
    if (this.sound === null) return false;
    return store.put("sounds", this.id, this.sound).then(
      () => true,
      () => false,
    );
  }

  /** Keep nothing any longer. */
  async forget() {
    window.clearTimeout(this.#saving);
    this.#saving = FORGOTTEN;
    await Promise.all([store.remove("recordings", this.id), store.remove("sounds", this.id)]).catch(() => {});
  }

  state() {
    const { id, name, size, created, status, duration, error, job, lastEvent, wishes } = this;
    const { segments, usage, notes, complete, waveform } = this;
    const told = { segments, usage, notes, complete, waveform, speakers: this.speakers.state };
    return { id, name, size, created, status, duration, error, job, lastEvent, wishes, ...told };
  }

  /**
   * One that was kept, with its sound where that was kept too.
   *
   * @param {Kept} kept
   */
  static async restore(kept) {
    const { speakers, ...rest } = kept;
    const restored = new Recording(kept.id, kept.name, kept.size, kept.created);
    restored.speakers.restore(speakers);
    Object.assign(restored, rest);
    restored.sound = (await store.get("sounds", kept.id).catch(() => undefined)) ?? null;
    return restored;
  }

  /**
   * A new one.
   *
   * @param {File} file
   * @param {Wishes} wishes
   */
  static of(file, wishes) {
    const made = new Recording(newId(), file.name, file.size, Date.now());
    made.sound = file;
    made.wishes = wishes;
    return made;
  }
}

/** 128 random bits; `crypto.randomUUID` is missing where the page came over plain HTTP. */
export function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
