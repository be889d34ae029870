// Deepgram's own SDK for JavaScript. MODE: file, live, or flux (listen v2).

import { DeepgramClient } from "@deepgram/sdk";
import { file, key, mode, rate, spoken, tell, url, wsUrl } from "./common.mjs";

const environment = { base: url, production: wsUrl, agent: wsUrl, agentRest: url };
const client = new DeepgramClient({ apiKey: key, environment });

async function live(connection, speak) {
  const closed = new Promise((done) => connection.on("close", done));
  connection.on("message", (message) => tell("message", { message }));
  connection.on("error", (error) => tell("error", { message: String(error) }));
  connection.connect();
  await connection.waitForOpen();
  for await (const chunk of spoken()) connection.sendMedia(chunk);
  speak(connection);
  await closed;
  tell("ended");
}

if (mode === "file") {
  const options = { model: "nova-3", diarize: true, utterances: true, smart_format: true, detect_language: true };
  tell("answer", { answer: await client.listen.v1.media.transcribeFile(file, options) });
} else if (mode === "flux") {
  const wanted = { model: "flux-general-en", encoding: "linear16", sample_rate: rate, eager_eot_threshold: 0.4 };
  const connection = await client.listen.v2.connect({ ...wanted, reconnectAttempts: 0 });
  await live(connection, (socket) => {
    socket.sendForceEndTurn({ type: "ForceEndTurn" });
    socket.sendCloseStream({ type: "CloseStream" });
  });
} else {
  const raw = { model: "nova-3", encoding: "linear16", sample_rate: rate, interim_results: "true", diarize: "true" };
  const connection = await client.listen.v1.connect({ ...raw, reconnectAttempts: 0 });
  await live(connection, (socket) => socket.sendCloseStream({ type: "CloseStream" }));
}
process.exit(0);
