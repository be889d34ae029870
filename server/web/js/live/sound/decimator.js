/** Every n-th sample, of what an n-th of the rate can carry: a low-pass in front, so that nothing is folded back. */

const TAPS_PER_STEP = 32;
const CUTOFF = 0.45;
/** Of the new rate. Half of it is the most that it can carry, and no filter ends at once. */

export class Decimator {
  #step;
  #kernel;
  /** @type {Float32Array} what the next samples need of those before; silence before the first */
  #before;
  /** where the next sample is taken, counted from the start of `#before` */
  #next = 0;

  /** @param {number} step 1 takes every sample, as it is */
  constructor(step) {
    this.#step = step;
    this.#kernel = step === 1 ? Float32Array.of(1) : lowPass(TAPS_PER_STEP * step + 1, CUTOFF / step);
    this.#before = new Float32Array(this.#kernel.length - 1);
  }

  /**
   * @param {Float32Array} samples the next ones, however many
   * @returns {Float32Array}
   */
  push(samples) {
    const kernel = this.#kernel;
    const all = new Float32Array(this.#before.length + samples.length);
    all.set(this.#before);
    all.set(samples, this.#before.length);
    const places = all.length - kernel.length + 1;
    const made = new Float32Array(Math.max(Math.ceil((places - this.#next) / this.#step), 0));
    for (let number = 0, place = this.#next; number < made.length; number++, place += this.#step) {
      let sum = 0;
      for (let tap = 0; tap < kernel.length; tap++) sum += kernel[tap] * all[place + tap];
      made[number] = sum;
    }
    this.#next += made.length * this.#step - places;
    this.#before = all.slice(places);
    return made;
  }
}

/**
 * A sinc under Blackman's window.
 *
 * @param {number} length odd
 * @param {number} cutoff of the sampling rate
 */
function lowPass(length, cutoff) {
  const kernel = new Float32Array(length);
  const middle = (length - 1) / 2;
  for (let tap = 0; tap < length; tap++) {
    const phase = (2 * Math.PI * tap) / (length - 1);
    const window = 0.42 - 0.5 * Math.cos(phase) + 0.08 * Math.cos(2 * phase);
    const x = 2 * Math.PI * cutoff * (tap - middle);
    kernel[tap] = window * (x === 0 ? 1 : Math.sin(x) / x);
  }
  const sum = kernel.reduce((total, value) => total + value, 0);
  return kernel.map((value) => value / sum);
}
