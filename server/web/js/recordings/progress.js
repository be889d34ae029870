/** How far a recording is, and how long it will take: by the pace so far. */

/** Seconds of work before an estimate is worth showing. */
const SOON = 1.5;
/** Milliseconds between two changes that only move a bar. */
const OFTEN = 100;

export class Progress {
  #began = performance.now();
  #told = 0;

  /** @param {import("./recording.js").Recording} recording */
  constructor(recording) {
    this.recording = recording;
  }

  /**
   * @param {number} sent bytes of the upload
   * @param {number} total
   */
  sent(sent, total) {
    this.#at(sent / total);
    if (sent >= total) this.listening();
    else if (performance.now() - this.#told > OFTEN) this.#tell();
  }

  /** The upload is there. */
  listening() {
    if (this.recording.status !== "uploading") return;
    this.recording.status = "listening";
    this.recording.progress = 0;
    this.recording.left = null;
    this.#began = performance.now();
    this.#tell();
  }

  /** @param {number} end seconds of the recording that are heard */
  heard(end) {
    this.listening();
    if (this.recording.duration) this.#at(end / this.recording.duration);
  }

  /** @param {{audio_seconds: number | null, audio_seconds_done: number, seconds_left: number | null}} told */
  job({ audio_seconds, audio_seconds_done, seconds_left }) {
    this.recording.status = "listening";
    this.recording.progress = audio_seconds ? audio_seconds_done / audio_seconds : 0;
    this.recording.left = seconds_left;
  }

  /** @param {number} share */
  #at(share) {
    const { recording } = this;
    recording.progress = Math.min(1, share);
    const took = (performance.now() - this.#began) / 1000;
    recording.left = took > SOON && share > 0.02 ? (took * (1 - recording.progress)) / share : null;
  }

  #tell() {
    this.#told = performance.now();
    this.recording.changed();
  }
}
