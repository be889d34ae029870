// Vercel's AI SDK with the OpenAI provider. MODE: a JSON list of pairs, model and the provider's options, for files; or
// the name of a model, live.

import { createOpenAI } from "@ai-sdk/openai";
import { experimental_streamTranscribe as streamTranscribe, transcribe } from "ai";
import { file, key, mode, rate, spoken, tell, url } from "./common.mjs";

const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: key });

async function whole(model, options) {
  const answer = await transcribe({
    model: openai.transcription(model),
    audio: file,
    maxRetries: 0,
    ...(options && { providerOptions: { openai: options } }),
  });
  const { text, segments, words, language, durationInSeconds, providerMetadata } = answer;
  const speakers = providerMetadata.openai?.segments?.map((segment) => segment.speaker);
  tell("answer", { text, segments, words, language, speakers, seconds: durationInSeconds });
}

async function live(model) {
  const format = { type: "audio/pcm", rate };
  const options = { streaming: { delay: "low" } };
  const listened = streamTranscribe({
    model: openai.transcription(model),
    audio: ReadableStream.from(spoken()),
    inputAudioFormat: format,
    providerOptions: { openai: options },
  });
  for await (const { type, ...part } of listened.fullStream) tell(type, part);
  tell("ended", { text: await listened.text });
}

if (mode.startsWith("[")) for (const [model, options] of JSON.parse(mode)) await whole(model, options);
else await live(mode);
