// OpenAI's Node client on /v1/realtime as in a browser: the global WebSocket, the key as a subprotocol.
//
// node --experimental-websocket openai_node.mjs URL KEY RECORDING (a mono 16-bit WAV at 24 kHz)
// Commits in the end and prints every event, a JSON object a line. The client knows wss only, so URL is https.

import { readFileSync } from "node:fs";
import { OpenAI } from "openai";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";

const WAV_HEADER = 44;
const CHUNK = 2400; // bytes: 50 ms
const [url, apiKey, recording] = process.argv.slice(2);
const pcm = readFileSync(recording).subarray(WAV_HEADER);

const connection = new OpenAIRealtimeWebSocket(
  { model: "gpt-realtime", dangerouslyAllowBrowser: true },
  new OpenAI({ baseURL: `${url}/v1`, apiKey }),
);
const say = (kind, values) => process.stdout.write(JSON.stringify({ kind, ...values }) + "\n");

async function speak() {
  const start = performance.now();
  for (let at = 0; at < pcm.length; at += CHUNK) {
    const wait = start + at / 48 - performance.now();
    await new Promise((go) => setTimeout(go, Math.max(0, wait)));
    const audio = pcm.subarray(at, at + CHUNK).toString("base64");
    connection.send({ type: "input_audio_buffer.append", audio });
  }
  connection.send({ type: "input_audio_buffer.commit" });
}

connection.on("error", (error) => {
  say("error", { message: String(error), error: error.error ?? null });
  process.exit(1);
});
connection.on("event", (event) => say("event", { event }));
connection.on("session.created", () => {
  say("subprotocol", { name: connection.socket.protocol });
  const format = { type: "audio/pcm", rate: 24000 };
  const input = { format, transcription: { model: "gpt-4o-transcribe" }, turn_detection: null };
  connection.send({ type: "session.update", session: { type: "transcription", audio: { input } } });
});
connection.on("session.updated", () => void speak());
connection.on("conversation.item.input_audio_transcription.completed", () => connection.close());
