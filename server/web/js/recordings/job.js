/** A job of the server, followed over lost connections and reloads: each event has a number, and none is asked for twice. */
import { ApiError } from "../api.js";
import { EventReader } from "../sse.js";
import { Progress } from "./progress.js";
import { tell } from "./transcribe.js";
import { waited } from "./waiting.js";

/**
 * @typedef {import("./recording.js").Recording} Recording
 * @typedef {import("../shared.js").Shared} Shared
 */

const SOONEST = 500;
const LATEST = 8000;

/**
 * Until the job has ended. Raises why it failed.
 *
 * @param {Recording} recording
 * @param {Shared} shared
 * @param {AbortSignal} signal
 */
export async function follow(recording, shared, signal) {
  const progress = new Progress(recording);
  recording.status = "listening";
  recording.changed();
  for (let pause = SOONEST; !recording.ended; pause = Math.min(LATEST, 2 * pause)) {
    try {
      const before = recording.lastEvent;
      await read(recording, shared, signal, progress);
      if (recording.lastEvent !== before) pause = SOONEST;
    } catch (error) {
      const lost = error instanceof TypeError || (error instanceof ApiError && RETRIED.has(error.status));
      if (signal.aborted || !lost) throw error;
    }
    if (!recording.ended) await waited(pause, signal);
  }
}

/** No answer, or one of a server that is about to be replaced. */
const RETRIED = new Set([0, 502, 503, 504]);

/**
 * One connection, to its end.
 *
 * @param {Recording} recording
 * @param {Shared} shared
 * @param {AbortSignal} signal
 * @param {Progress} progress
 */
async function read(recording, { api, t }, signal, progress) {
  const answer = await api.request(`/v1/jobs/${recording.job}/events?response_format=diarized_json`, {
    headers: { "last-event-id": recording.lastEvent },
    signal,
  });
  if (answer.status === 204) {
    recording.status = "done";
    return;
  }
  if (answer.body === null) throw new Error(t("error.cut"));
  const reader = new EventReader();
  const texts = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let next = await texts.read(); !next.done; next = await texts.read()) {
    for (const { id, data } of reader.read(next.value)) {
      tell(recording, data, progress);
      if (id) recording.lastEvent = id;
    }
  }
}
