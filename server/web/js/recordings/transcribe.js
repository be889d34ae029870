/**
 * One recording through the server: a short one as a stream of segments, a long one as a job, which goes on whatever
 * becomes of this page.
 */
import { ApiError } from "../api.js";
import { EventReader } from "../sse.js";
import { send } from "../upload.js";
import { follow } from "./job.js";
import { durationOf } from "./duration.js";
import { Progress } from "./progress.js";
import { waited } from "./waiting.js";

/**
 * @typedef {import("./recording.js").Recording} Recording
 * @typedef {import("../shared.js").Shared} Shared
 */

/** Seconds; what lasts longer is a job, where the server takes any. */
const LONG = 600;
/** Bytes of a recording of which the browser cannot tell how long it is. */
const LARGE = 50e6;
/** What the server says of requests that may come again. */
const LATER = new Set(["model_not_ready", "overloaded"]);
/** Milliseconds. */
const PAUSE = 2000;
const PATH = "/v1/audio/transcriptions";

/**
 * Brings the recording to its end, and says there which one that is.
 *
 * @param {Recording} recording
 * @param {Shared} shared
 * @param {AbortSignal} signal
 */
export async function transcribe(recording, shared, signal) {
  try {
    if (recording.job === null) await patiently(() => upload(recording, shared, signal), recording, signal);
    if (recording.job !== null) await follow(recording, shared, signal);
    if (!recording.ended) recording.status = "done";
    if (recording.status === "done") recording.wishes = { ...recording.wishes, known: [] }; // no voice is needed any more
  } catch (error) {
    if (!signal.aborted) {
      recording.status = "failed";
      recording.error = inWords(error, shared);
    }
  }
  recording.open = "";
  recording.left = null;
  recording.changed("segments");
  await recording.save();
}

/**
 * Again after a while where the server says that it has no time, or no model yet.
 *
 * @param {() => Promise<void>} once
 * @param {Recording} recording
 * @param {AbortSignal} signal
 */
async function patiently(once, recording, signal) {
  for (;;) {
    try {
      await once();
      return;
    } catch (error) {
      if (!(error instanceof ApiError && LATER.has(error.code))) throw error;
      recording.status = "waiting";
      recording.reason = error.code;
      recording.changed();
      await waited(PAUSE, signal);
    } finally {
      recording.reason = "";
    }
  }
}

/**
 * @param {Recording} recording
 * @param {Shared} shared
 * @param {AbortSignal} signal
 */
async function upload(recording, shared, signal) {
  const { sound } = recording;
  if (sound === null) throw new Error(shared.t("error.noSound"));
  recording.status = "uploading";
  recording.segments = [];
  recording.progress = 0;
  recording.changed("segments");
  recording.duration ??= await durationOf(sound);
  const asJob = await isForJob(recording, shared);
  const progress = new Progress(recording);
  const reader = new EventReader();
  const body = form(recording, sound, asJob);
  await checkSize(body, sound, shared);
  const once = () =>
    send({
      url: shared.api.url(asJob ? `${PATH}?background=true` : PATH),
      body,
      headers: { ...shared.api.headers, ...(asJob ? { "idempotency-key": recording.id } : {}) },
      signal,
      onSent: (sent, total) => progress.sent(sent, total),
      onPiece: asJob ? undefined : (piece) => reader.read(piece).forEach(({ data }) => tell(recording, data, progress)),
    });
  const answer = await withKey(once, shared);
  if (asJob) recording.job = JSON.parse(answer).id;
  else if (!recording.ended) throw new Error(shared.t("error.cut"));
}

/**
 * What an event of the stream changes.
 *
 * @param {Recording} recording
 * @param {any} event
 * @param {Progress} progress
 */
export function tell(recording, event, progress) {
  if (event.error) throw new ApiError(event.error.message, 200, event.error.code ?? "error");
  switch (event.type) {
    case "transcript.text.delta":
      recording.open += event.delta;
      progress.listening();
      break;
    case "transcript.text.segment": {
      const { id, start, end, text, speaker, channel, speaker_in_doubt } = event;
      const segment = { id, start, end, text, speaker, channel, speaker_in_doubt };
      if (recording.segments.some((each) => each.id === id)) break;
      recording.segments.push(segment);
      if (speaker) recording.open = "";
      progress.heard(end);
      break;
    }
    case "transcript.text.done":
      recording.usage = event.usage ?? null;
      recording.notes = event.notes ?? [];
      recording.complete = event.complete ?? true;
      recording.waveform = event.waveform ?? null;
      recording.duration = event.duration ?? recording.duration;
      recording.status = "done";
      break;
    case "transcription.job.progress":
      recording.duration = event.progress.audio_seconds ?? recording.duration;
      progress.job(event.progress);
      break;
  }
  recording.changed("segments");
}

/**
 * @param {Recording} recording
 * @param {Blob} sound
 * @param {boolean} asJob
 */
function form(recording, sound, asJob) {
  const body = new FormData();
  body.append("response_format", "diarized_json");
  body.append("tag_audio_events", "true");
  body.append("waveform", "true");
  if (!asJob) body.append("stream", "true");
  const { hotwords, prompt, known = [] } = recording.wishes;
  for (const word of hotwords.split(/[\n,;]/)) {
    if (word.trim()) body.append("hotwords[]", word.trim());
  }
  if (prompt.trim()) body.append("prompt", prompt.trim());
  for (const { name, reference } of known) {
    body.append("known_speaker_names[]", name);
    body.append("known_speaker_references[]", reference);
  }
  body.append("file", sound, recording.name);
  return body;
}

/**
 * @param {Recording} recording
 * @param {Shared} shared
 */
async function isForJob({ duration, size }, { api }) {
  const long = duration === null ? size > LARGE : duration > LONG;
  if (!long) return false;
  try {
    await api.request("/v1/jobs?limit=1");
    return true;
  } catch {
    return false;
  }
}

/**
 * A browser tells nothing of an answer that comes before the end of its upload, so what is too large is not sent.
 *
 * @param {FormData} body
 * @param {Blob} sound in it
 * @param {Shared} shared
 */
async function checkSize(body, sound, { api, t }) {
  const model = (await (await api.request("/v1/models")).json()).data[0];
  const most = model.capacity?.upload_bytes ?? Infinity;
  const rest = new FormData();
  for (const [name, value] of body) rest.append(name, value instanceof File ? new File([], value.name, { type: value.type }) : value);
  const size = sound.size + (await new Response(rest).arrayBuffer()).byteLength;
  const code = body.has("known_speaker_names[]") && sound.size <= most ? "voices_too_large" : "content_too_large";
  if (size > most) throw new ApiError(t(`error.code.${code}`), 413, code);
}

/**
 * @template Result
 * @param {() => Promise<Result>} once
 * @param {Shared} shared
 * @returns {Promise<Result>}
 */
async function withKey(once, { api }) {
  try {
    return await once();
  } catch (error) {
    const wanted = error instanceof ApiError && error.status === 401;
    if (wanted && (await api.askForKey(api.key !== ""))) return withKey(once, /** @type {Shared} */ ({ api }));
    throw error;
  }
}

/**
 * @param {unknown} error
 * @param {Shared} shared
 */
function inWords(error, { t }) {
  const own = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ApiError)) return own;
  const key = `error.code.${error.code}`;
  return t(key) === key ? own : t(key);
}
