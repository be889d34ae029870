/**
 * Sound as the server takes it: 16 bit, in pieces of a tenth of a second.
 *
 * A session may have any rate from 8 to 48 kHz, so sound keeps the rate that it was caught at: browsers differ in which
 * others they make (Firefox refuses all). Only where several of its samples make one of the model's, which hears 24 kHz,
 * so many are taken together: half the way to the server is saved at 48 kHz, and 96 kHz can be sent at all.
 *
 * @typedef {object} Chunk
 * @property {Int16Array<ArrayBuffer>} samples
 * @property {number} level root mean square, 0 to 1
 */
import { Decimator } from "./decimator.js";

const MODEL_RATE = 24_000;
const CHUNKS_PER_SECOND = 10;

/**
 * At which rate sound is sent that was caught at another.
 *
 * @param {number} rate Hz
 */
export function sentRate(rate) {
  return rate / stepOf(rate);
}

/** @param {number} rate */
function stepOf(rate) {
  let step = Math.max(Math.floor(rate / MODEL_RATE), 1);
  while (rate % step !== 0) step--;
  return step;
}

export class Chunker {
  #decimator;
  #tell;
  #chunk;
  #filled = 0;
  #power = 0;

  /**
   * @param {number} rate Hz, of the samples that come
   * @param {(chunk: Chunk) => void} tell called with each piece
   */
  constructor(rate, tell) {
    this.#decimator = new Decimator(stepOf(rate));
    this.#tell = tell;
    this.#chunk = new Int16Array(Math.round(sentRate(rate) / CHUNKS_PER_SECOND));
  }

  /** @param {Float32Array} samples of one channel, 1.0 full scale */
  push(samples) {
    for (const sample of this.#decimator.push(samples)) {
      const kept = Math.max(-1, Math.min(1, sample));
      this.#power += kept * kept;
      this.#chunk[this.#filled++] = Math.round(kept * 32_767);
      if (this.#filled === this.#chunk.length) this.flush();
    }
  }

  /** The last piece, which may be shorter. */
  flush() {
    if (this.#filled === 0) return;
    this.#tell({ samples: this.#chunk.slice(0, this.#filled), level: Math.sqrt(this.#power / this.#filled) });
    this.#filled = 0;
    this.#power = 0;
  }
}
