// Vercel's AI SDK, transcribe with the OpenAI provider. MODE: a JSON list of pairs, model and the provider's options.

import { createOpenAI } from "@ai-sdk/openai";
import { experimental_transcribe as transcribe } from "ai";
import { file, key, mode, tell, url } from "./common.mjs";

const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
for (const [model, options] of JSON.parse(mode)) {
  const { text, segments, language, durationInSeconds } = await transcribe({
    model: openai.transcription(model),
    audio: file,
    maxRetries: 0,
    ...(options && { providerOptions: { openai: options } }),
  });
  tell("answer", { text, segments, language, seconds: durationInSeconds });
}
