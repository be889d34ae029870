// What the scripts share: their arguments, a recording that arrives at the speed of speech, their report.
//
// A script is run as `node NAME.mjs URL KEY RECORDING [MODE]` and prints what its client received, a JSON object a line.
// RECORDING is a mono 16-bit WAV.

import { readFileSync } from "node:fs";

const WAV_HEADER = 44;
const CHUNK = 0.05; // seconds
export const [url, key, recording, mode] = process.argv.slice(2);
export const wsUrl = url.replace(/^http/, "ws");
export const file = readFileSync(recording);
export const rate = file.readUInt32LE(24);
export const pcm = file.subarray(WAV_HEADER);

export const tell = (kind, values) => process.stdout.write(JSON.stringify({ kind, ...values }) + "\n");

// The recording and then `silence` seconds of nothing, in chunks, each when a microphone would have it.
export async function* spoken(silence = 0) {
  const heard = Buffer.concat([pcm, Buffer.alloc(2 * Math.floor(rate * silence))]);
  const size = 2 * Math.floor(rate * CHUNK);
  const start = performance.now();
  for (let at = 0; at < heard.length; at += size) {
    const wait = start + (at / (2 * rate)) * 1000 - performance.now();
    await new Promise((go) => setTimeout(go, Math.max(0, wait)));
    yield heard.subarray(at, at + size);
  }
}
