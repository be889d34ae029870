/** Sound on its way to the server: nothing of it is lost, and nothing is folded into it. */
import assert from "node:assert/strict";
import test from "node:test";

import { Chunker, sentRate } from "../../../server/web/js/live/sound/chunker.js";
import { Decimator } from "../../../server/web/js/live/sound/decimator.js";
import { KeptSound } from "../../../server/web/js/live/sound/kept_sound.js";

/** Decibels below the tone that goes in, of what a tone of this frequency leaves. */
function loss(frequency, rate, step) {
  const tone = Float32Array.from({ length: rate }, (_, n) => Math.sin((2 * Math.PI * frequency * n) / rate));
  const decimator = new Decimator(step);
  const pieces = [];
  for (let at = 0; at < tone.length; at += 128) pieces.push(...decimator.push(tone.subarray(at, at + 128)));
  assert.equal(pieces.length, rate / step);
  const settled = pieces.slice(pieces.length / 2);
  const power = settled.reduce((sum, sample) => sum + sample * sample, 0) / settled.length;
  return -10 * Math.log10(2 * power + 1e-12);
}

for (const [rate, step] of [
  [48_000, 2],
  [96_000, 4],
]) {
  test(`of ${rate} Hz what 24 kHz can carry stays, and what it cannot is gone`, () => {
    for (const frequency of [100, 1000, 4000, 8000]) assert.ok(Math.abs(loss(frequency, rate, step)) < 0.1, `${frequency} Hz`);
    for (const frequency of [13_500, 16_000, 20_000]) assert.ok(loss(frequency, rate, step) > 60, `${frequency} Hz`);
  });
}

test("every rate that a device may have is sent as one that a session takes", () => {
  const sent = [8000, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000].map(sentRate);
  assert.deepEqual(sent, [8000, 16_000, 22_050, 32_000, 44_100, 24_000, 29_400, 24_000, 25_200, 24_000]);
});

test("sound comes in tenths of a second, the rest with the last one, and louder than full scale is cut", () => {
  const chunks = [];
  const chunker = new Chunker(16_000, (chunk) => chunks.push(chunk));
  const samples = new Float32Array(4000).fill(0.5).fill(-2, 3200);
  for (let at = 0; at < samples.length; at += 128) chunker.push(samples.subarray(at, at + 128));
  chunker.flush();
  chunker.flush();
  assert.deepEqual(chunks.map((chunk) => chunk.samples.length), [1600, 1600, 800]);
  assert.deepEqual([chunks[0].samples[0], chunks[2].samples[0]], [16_384, -32_767]);
  assert.deepEqual(chunks.map((chunk) => Number(chunk.level.toFixed(3))), [0.5, 0.5, 1]);
});

test("sound is kept until it is not needed, and counted from where the session began", () => {
  const sound = new KeptSound(10, 2);
  assert.deepEqual([sound.start, sound.end, sound.from(20)], [20, 20, null]);
  for (const first of [0, 4, 8]) sound.append(Int16Array.of(first, first + 1, first + 2, first + 3));
  assert.deepEqual([...sound.from(20)], [0, 1, 2, 3]);
  assert.deepEqual([...sound.from(26)], [6, 7]);
  sound.forget(26);
  assert.deepEqual([sound.start, sound.end], [24, 32]);
  sound.beginAnew();
  assert.deepEqual([sound.start, sound.end, ...sound.from(4)], [0, 8, 8, 9, 10, 11]);
  assert.equal(sound.from(8), null);
});

test("who is cut off for long loses the oldest sound alone", () => {
  const sound = new KeptSound(1, 0);
  for (let second = 0; second < 700; second++) sound.append(Int16Array.of(second));
  assert.deepEqual([sound.start, sound.end, ...sound.from(100)], [100, 700, 100]);
});
