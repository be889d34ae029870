/** How loud it is at the microphone: whoever sees the bar move knows that something is heard. */
import { el } from "../dom.js";

export class Level {
  /** @type {AudioContext | null} */
  #context = null;
  #frame = 0;

  constructor() {
    this.element = el("meter", { min: "0", max: "1", low: "0.02", label: "record.level" });
  }

  /** @param {MediaStream} stream */
  watch(stream) {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const look = () => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      this.element.value = Math.min(1, 3 * Math.sqrt(power));
      this.#frame = window.requestAnimationFrame(look);
    };
    this.#context = context;
    look();
  }

  close() {
    window.cancelAnimationFrame(this.#frame);
    this.#context?.close();
    this.#context = null;
  }
}
