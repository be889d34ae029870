/** Some seconds of somebody's voice, as the server takes them: WAV in a `data:` URL. */
import { durationOf } from "../recordings/duration.js";

/** Seconds; what is behind the last is left out (docs/api.md, known_speaker_references). */
export const LENGTH = { least: 2, most: 10 };
/** Of a file that a voice is taken from: browsers decode it whole, an hour into a gigabyte. */
export const LARGEST = { megabytes: 25, minutes: 10 };
const RATE = 24_000;
const HEADER = 44;

/** What was given is larger or longer than `LARGEST`. */
export class TooLarge extends Error {}

/**
 * The first seconds of a sound.
 *
 * @param {Blob} sound
 * @returns {Promise<{seconds: number, clip: Blob, reference: string}>} reference: the clip as a URL
 * @throws {TooLarge}
 * @throws {DOMException} where the browser cannot read it
 */
export async function clipOf(sound) {
  if (sound.size > 1e6 * LARGEST.megabytes) throw new TooLarge();
  if (((await durationOf(sound)) ?? 0) > 60 * LARGEST.minutes) throw new TooLarge();
  const decoded = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await sound.arrayBuffer());
  const count = Math.min(decoded.length, LENGTH.most * RATE);
  const mixed = new Float32Array(count);
  for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
    const samples = decoded.getChannelData(channel);
    for (let at = 0; at < count; at++) mixed[at] += samples[at] / decoded.numberOfChannels;
  }
  const clip = wav(mixed);
  return { seconds: count / RATE, clip, reference: await dataUrl(clip) };
}

/**
 * Mono, 16 bit.
 *
 * @param {Float32Array} samples 1.0 full scale
 */
function wav(samples) {
  const view = new DataView(new ArrayBuffer(HEADER + 2 * samples.length));
  const text = (/** @type {number} */ at, /** @type {string} */ letters) =>
    [...letters].forEach((letter, place) => view.setUint8(at + place, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, view.byteLength - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, place) => view.setInt16(HEADER + 2 * place, 32_767 * Math.max(-1, Math.min(1, sample)), true));
  return new Blob([view], { type: "audio/wav" });
}

/**
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
function dataUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(/** @type {string} */ (reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
