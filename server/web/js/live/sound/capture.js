/**
 * Sound of a stream (a microphone, a tab), as pieces for the server.
 *
 * @typedef {import("./chunker.js").Chunk} Chunk
 * @typedef {object} Source something that sounds
 * @property {number} rate Hz, of its pieces
 * @property {() => Promise<void>} stop lets go of it, with the last piece told before; any number of times
 * @typedef {object} Listener
 * @property {(chunk: Chunk) => void} heard
 * @property {() => void} ended it stopped by itself: unplugged, no longer shared, over
 */
import { sentRate } from "./chunker.js";

const WORKLET = new URL("../../worklets/capture.js", import.meta.url);
const REST_MILLISECONDS = 1000;
/** A context that the device has stopped gives no last piece. */
const START_MILLISECONDS = 10_000;
/** Firefox begins to hear only where there is a device to play on, and says nothing where there is none. */

/**
 * @param {MediaStream} stream with sound
 * @param {Listener} listener
 * @returns {Promise<Source>}
 * @throws {DOMException} "TimeoutError" where the browser does not begin to hear
 */
export async function capture(stream, listener) {
  const context = new AudioContext();
  const [track] = stream.getAudioTracks();
  try {
    const resumed = context.resume(); // on a click: Safari begins suspended
    await context.audioWorklet.addModule(WORKLET);
    await inTime(resumed);
  } catch (error) {
    await letGo(stream, context);
    throw error;
  }
  const node = new AudioWorkletNode(context, "capture", {
    numberOfOutputs: 0,
    channelCount: 1,
    channelCountMode: "explicit",
  });
  node.port.onmessage = ({ data }) => data !== null && listener.heard(data);
  context.createMediaStreamSource(stream).connect(node);
  context.onstatechange = () => context.state !== "running" && context.state !== "closed" && resume(context);
  track.onended = listener.ended;
  /** @type {Promise<void> | null} */
  let stopped = null;
  const stop = async () => {
    track.onended = context.onstatechange = null;
    await rest(node);
    await letGo(stream, context);
  };
  return { rate: sentRate(context.sampleRate), stop: () => (stopped ??= stop()) };
}

/** @param {Promise<void>} begun */
function inTime(begun) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new DOMException("no sound begins", "TimeoutError")), START_MILLISECONDS);
    begun.then(resolve, reject);
  });
}

/** iOS interrupts sound for a call. @param {AudioContext} context */
async function resume(context) {
  try {
    await context.resume();
  } catch {
    // It tells another change of state when it can.
  }
}

/** Until the last piece was told. @param {AudioWorkletNode} node */
function rest(node) {
  return new Promise((resolve) => {
    node.port.addEventListener("message", ({ data }) => data === null && resolve(undefined));
    node.port.postMessage("rest");
    setTimeout(resolve, REST_MILLISECONDS);
  });
}

/**
 * @param {MediaStream} stream
 * @param {AudioContext} context
 */
async function letGo(stream, context) {
  for (const track of stream.getTracks()) track.stop();
  await context.close();
}
