/**
 * Passes sound on from the audio thread, as pieces that the server takes.
 *
 * Any message asks for the rest; it is answered with the last piece, if there is one, and null. Then nothing more comes.
 */
import { Chunker } from "../live/sound/chunker.js";

class Capture extends AudioWorkletProcessor {
  #chunker = new Chunker(sampleRate, (chunk) => this.port.postMessage(chunk, [chunk.samples.buffer]));
  #ended = false;

  constructor() {
    super();
    this.port.onmessage = () => {
      this.#ended = true;
      this.#chunker.flush();
      this.port.postMessage(null);
    };
  }

  /**
   * @param {Float32Array[][]} inputs
   * @returns {boolean} whether there is more to do
   */
  process([[samples]]) {
    if (this.#ended) return false;
    if (samples) this.#chunker.push(samples);
    return true;
  }
}

registerProcessor("capture", Capture);
