/**
 * How loud a recording is from place to place. Decoding takes the browser a gigabyte an hour, so of long ones it is known
 * when the server tells.
 */

/** Seconds, and bytes of a file. */
const LONGEST = 600;
const LARGEST = 80e6;
const RATE = 8000;

/**
 * @param {Blob} sound
 * @param {number} duration seconds
 * @param {number} count
 * @returns {Promise<Float32Array | null>} 0 to 1 for each of `count` places; null where it is too long or not readable
 */
export async function peaksOf(sound, duration, count) {
  if (duration > LONGEST || sound.size > LARGEST) return null;
  try {
    const decoder = new OfflineAudioContext(1, 1, RATE);
    const decoded = await decoder.decodeAudioData(await sound.arrayBuffer());
    return loudest(decoded.getChannelData(0), count);
  } catch {
    return null;
  }
}

/**
 * What the server tells, as high as the loudest place allows.
 *
 * @param {number[]} levels dBFS
 */
export function peaksOfLevels(levels) {
  const loudness = Float32Array.from(levels, (level) => 10 ** (level / 20));
  const top = Math.max(0.02, ...loudness);
  return loudness.map((each) => each / top);
}

/**
 * @param {Float32Array} samples
 * @param {number} count
 */
function loudest(samples, count) {
  const peaks = new Float32Array(count);
  const each = samples.length / count;
  let top = 0.05;
  for (let place = 0; place < count; place += 1) {
    let peak = 0;
    for (let at = Math.floor(place * each); at < (place + 1) * each; at += 1) peak = Math.max(peak, Math.abs(samples[at]));
    peaks[place] = peak;
    top = Math.max(top, peak);
  }
  return peaks.map((peak) => peak / top);
}
