/** Where sound can come from, and why it may not. Names of failures are keys of lang/<language>/live.json. */
import { Chunker } from "./chunker.js";
import { capture } from "./capture.js";

/**
 * @typedef {import("./capture.js").Source} Source
 * @typedef {import("./capture.js").Listener} Listener
 */

const SAMPLE_RATE = 24_000;
const FEED_MILLISECONDS = 100;

export class NoSound extends Error {
  /** @param {string} key of the words for it */
  constructor(key) {
    super(key);
    this.key = key;
  }
}

/** Browsers give sound to pages that came over HTTPS, or from this very machine. */
export function mayCapture() {
  return window.isSecureContext && navigator.mediaDevices !== undefined;
}

/** Not on phones, nor in all browsers. */
export function mayShare() {
  return mayCapture() && "getDisplayMedia" in navigator.mediaDevices;
}

/**
 * @param {{device: string, processed: boolean}} wish device: "" for the system's choice
 * @param {Listener} listener
 * @returns {Promise<Source>}
 * @throws {NoSound}
 */
export async function openMicrophone({ device, processed }, listener) {
  /** @type {MediaTrackConstraints} neither rate nor channels: Firefox takes no other than the device's */
  const audio = { echoCancellation: processed, noiseSuppression: processed, autoGainControl: processed };
  if (device) audio.deviceId = { exact: device };
  try {
    return await capture(await navigator.mediaDevices.getUserMedia({ audio }), listener);
  } catch (error) {
    throw inWords(error, MICROPHONE_FAULTS);
  }
}

/**
 * @param {Listener} listener
 * @returns {Promise<Source>}
 * @throws {NoSound}
 */
export async function openTab(listener) {
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ audio, video: true });
    for (const track of stream.getVideoTracks()) track.onended = listener.ended;
    if (stream.getAudioTracks().length === 0) {
      for (const track of stream.getTracks()) track.stop();
      throw new NoSound("live.fault.noTabSound");
    }
    return await capture(stream, listener);
  } catch (error) {
    throw error instanceof NoSound ? error : inWords(error, TAB_FAULTS);
  }
}

/**
 * A recording, aloud and at the speed at which it was spoken. It needs no microphone, and no secure origin either.
 *
 * @param {string} url
 * @param {Listener} listener
 * @returns {Promise<Source>}
 * @throws {NoSound}
 */
export async function openSample(url, listener) {
  const context = new AudioContext();
  context.resume().catch(() => {}); // on a click; where nothing can be played it waits for ever, and is not waited for
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new NoSound("live.fault.noSample");
    return play(context, await decoded(await answer.arrayBuffer()), listener);
  } catch (error) {
    await context.close();
    throw error instanceof NoSound ? error : new NoSound("live.fault.noSample");
  }
}

/**
 * @param {ArrayBuffer} file
 * @returns {Promise<AudioBuffer>} at the model's rate
 */
function decoded(file) {
  return new OfflineAudioContext(1, 1, SAMPLE_RATE).decodeAudioData(file);
}

/**
 * @param {AudioContext} context
 * @param {AudioBuffer} recording
 * @param {Listener} listener
 * @returns {Source}
 */
function play(context, recording, listener) {
  const chunker = new Chunker(SAMPLE_RATE, listener.heard);
  const samples = recording.getChannelData(0).slice(); // Firefox takes the buffer's own away once something plays it
  const player = new AudioBufferSourceNode(context, { buffer: recording });
  player.connect(context.destination);
  player.start();
  const began = performance.now();
  let fed = 0;
  const timer = setInterval(() => {
    const due = Math.min(Math.floor(((performance.now() - began) / 1000) * SAMPLE_RATE), samples.length);
    chunker.push(samples.subarray(fed, due));
    fed = due;
    if (fed === samples.length) {
      clearInterval(timer);
      listener.ended();
    }
  }, FEED_MILLISECONDS);
  return {
    rate: SAMPLE_RATE,
    async stop() {
      clearInterval(timer);
      chunker.flush();
      if (context.state !== "closed") context.close().catch(() => {}); // it may wait as long
    },
  };
}

/** @type {Record<string, string>} by the name of the DOMException */
const MICROPHONE_FAULTS = {
  NotAllowedError: "live.fault.notAllowed",
  NotFoundError: "live.fault.noDevice",
  OverconstrainedError: "live.fault.deviceGone",
  NotReadableError: "live.fault.deviceBusy",
  TimeoutError: "live.fault.notBegun",
};
/** @type {Record<string, string>} */
const TAB_FAULTS = {
  NotAllowedError: "live.fault.notShared",
  NotFoundError: "live.fault.notShared",
  OverconstrainedError: "live.fault.noTabSound", // WebKit, which shares no sound
  TimeoutError: "live.fault.notBegun",
};

/**
 * @param {unknown} error
 * @param {Record<string, string>} faults
 */
function inWords(error, faults) {
  const { name = "" } = /** @type {{name?: string}} */ (error); // WebKit's OverconstrainedError is no DOMException
  return new NoSound(faults[name] ?? "live.fault.capture");
}
