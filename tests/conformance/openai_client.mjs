// One call of OpenAI's Node client; openai_client.py does the same with the Python client.
//
// Reads a JSON object {base_url, api_key, call, file, parameters} and writes {answer} or {events} or {error}.

import { createReadStream } from "node:fs";
import { json } from "node:stream/consumers";
import { OpenAI, APIError } from "openai";

const request = await json(process.stdin);
const client = new OpenAI({ baseURL: request.base_url, apiKey: request.api_key, maxRetries: 0, timeout: 60_000 });
const file = () => createReadStream(request.file);
const calls = {
  transcribe: () =>
    client.audio.transcriptions.create({ file: file(), model: "gpt-4o-transcribe-diarize", ...request.parameters }),
  translate: () => client.audio.translations.create({ file: file(), model: "whisper-1" }),
  models: () => client.models.list(),
  model: () => client.models.retrieve(request.parameters.model),
};

async function all(events) {
  const list = [];
  for await (const event of events) list.push(event);
  return list;
}

let result;
try {
  const answer = await calls[request.call]();
  if (request.parameters.stream) result = { events: await all(answer) };
  else if (request.call === "models") result = { answer: { object: answer.object, data: answer.data } };
  else result = { answer };
} catch (error) {
  if (!(error instanceof APIError)) throw error;
  const { status, code, param, type, message, requestID } = error;
  result = { error: { class: error.constructor.name, status, code, param, type, message, request_id: requestID } };
}
process.stdout.write(JSON.stringify(result));
