// LiveKit's plugins for JavaScript, without a room. MODE: openai, deepgram or flux, then file or live, with a space
// between; flux is live only.

import { initializeLogger, stt } from "@livekit/agents";
import * as deepgram from "@livekit/agents-plugin-deepgram";
import * as openai from "@livekit/agents-plugin-openai";
import { AudioFrame } from "@livekit/rtc-node";
import { key, mode, pcm, rate, spoken, tell, url, wsUrl } from "./common.mjs";

const PATIENCE = 90; // seconds after the recording in which everything must have come
const QUIET = 8000; // milliseconds without any news after which no more is waited for
const TYPES = Object.fromEntries(Object.entries(stt.SpeechEventType).map(([name, value]) => [value, name]));

initializeLogger({ pretty: false, level: "silent" });
const [plugin, way] = mode.split(" ");
const live = way === "live";
const flux = { endpointUrl: `${url}/v2/listen`, apiKey: key, sampleRate: rate, eagerEotThreshold: 0.4 };
const listeners = {
  openai: () =>
    new openai.STT({ baseURL: `${url}/v1`, apiKey: key, model: "gpt-4o-transcribe", useRealtime: live, vad: null }),
  deepgram: () =>
    new deepgram.STT({ baseUrl: wsUrl, apiKey: key, diarize: live, sampleRate: rate, language: "en-US" }),
  flux: () => new deepgram.STTv2(flux),
};
const listener = listeners[plugin]();

function frame(bytes) {
  const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return new AudioFrame(samples, rate, 1, samples.length);
}

function report(event) {
  const said = event.alternatives?.[0];
  const speech = said && { text: said.text, speaker: said.speakerId, language: said.language, words: said.words };
  tell(TYPES[event.type].toLowerCase(), speech);
}

// An agent's microphone stays open: silence follows until there is no news any more.
async function speak(stream, heard) {
  let sent = 0;
  for await (const chunk of spoken(PATIENCE)) {
    sent += chunk.length;
    if (sent > pcm.length && performance.now() > heard.last + QUIET) break;
    stream.pushFrame(frame(chunk));
  }
  stream.endInput();
}

if (live) {
  const stream = listener.stream();
  const heard = { last: performance.now() };
  const speaking = speak(stream, heard);
  for await (const event of stream) {
    report(event);
    if (event.type !== stt.SpeechEventType.RECOGNITION_USAGE) heard.last = performance.now();
  }
  await speaking;
} else {
  report(await listener.recognize([frame(pcm)]));
}
tell("ended");
process.exit(0);
