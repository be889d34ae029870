/**
 * What was said by one person in one go, as `diarized_json` has it.
 *
 * @typedef {object} Segment
 * @property {string} id
 * @property {number} start seconds
 * @property {number} end seconds
 * @property {string} text
 * @property {string} speaker label that the server gave; "" for sounds that are nobody's
 * @property {number} [channel]
 * @property {boolean} [speaker_in_doubt]
 *
 * @typedef {object} Word
 * @property {string} lead what stands in front of it
 * @property {string} text punctuation included
 * @property {number} start seconds, estimated
 * @property {number} end
 */

const LETTER = /[\p{L}\p{N}]/gu;
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const SILENCE = /^\[silence\]$/i;

/**
 * The words of a segment, back to back, each as long as its share of the letters: the model times segments.
 *
 * @param {Segment} segment
 * @returns {Word[]}
 */
export function wordsOf(segment) {
  const cuts = cutWords(segment.text);
  const letters = cuts.map(([, text]) => Math.max(1, (text.match(LETTER) ?? []).length));
  const perLetter = (segment.end - segment.start) / letters.reduce((sum, count) => sum + count, 0);
  let reached = segment.start;
  return cuts.map(([lead, text], place) => {
    const start = reached;
    reached += letters[place] * perLetter;
    return { lead, text, start, end: reached };
  });
}

/**
 * Nobody speaks in it: [Music], [Noise].
 *
 * @param {Segment} segment
 */
export function isSound(segment) {
  return segment.speaker === "";
}

/**
 * There is nothing to show of it.
 *
 * @param {Segment} segment
 */
export function isSilence(segment) {
  return isSound(segment) && SILENCE.test(segment.text.trim());
}

/**
 * @param {string} text
 * @returns {[string, string][]} what stands in front of each word, and the word
 */
function cutWords(text) {
  /** @type {[string, string][]} */
  const found = [];
  for (const chunk of text.split(/\s+/).filter(Boolean)) {
    const lead = found.length ? " " : "";
    if (UNSPACED.test(chunk)) cutUnspaced(chunk).forEach((part, place) => found.push([place ? "" : lead, part]));
    else found.push([lead, chunk]);
  }
  return found;
}

/**
 * Words of scripts without spaces, each with the marks behind it.
 *
 * @param {string} chunk
 * @returns {string[]}
 */
function cutUnspaced(chunk) {
  /** @type {string[]} */
  const parts = [];
  for (const { segment, isWordLike } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(chunk)) {
    if (isWordLike || parts.length === 0) parts.push(segment);
    else parts[parts.length - 1] += segment;
  }
  return parts;
}
