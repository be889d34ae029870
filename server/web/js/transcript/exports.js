/** The transcript as a file, or to be pasted: with the names and the corrections, in the formats of the API. */
import { el } from "../dom.js";
import { clock } from "../times.js";
import { isSound } from "./segments.js";

/**
 * @typedef {Pick<import("../recordings/recording.js").Recording, "segments" | "speakers" | "duration" | "usage" | "notes" | "complete" | "name">} Recording
 * @typedef {import("../shared.js").Shared} Shared
 */

/** What the server calls it → the ending of the file. */
export const FORMATS = /** @type {const} */ ({
  text: "txt",
  srt: "srt",
  vtt: "vtt",
  json: "json",
  diarized_json: "diarized.json",
  rttm: "rttm",
});

/** @typedef {keyof typeof FORMATS} Format */

/**
 * @param {Recording} recording
 * @param {Format} format
 * @param {Shared} shared
 */
export async function download(recording, format, { api, complain }) {
  try {
    const answer = await api.request("/web/transcript", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...written(recording), response_format: format }),
    });
    const url = URL.createObjectURL(await answer.blob());
    const stem = recording.name.replace(/\.[^.]*$/, "") || recording.name;
    el("a", { href: url, download: `${stem}.${FORMATS[format]}` }).click();
    window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    complain(/** @type {Error} */ (error).message);
  }
}

/**
 * What the server makes a format of. Names are told where the reader gave any or merged two: until then everybody is
 * called as each format calls them.
 *
 * @param {Recording} recording
 */
function written({ segments, speakers, duration, usage, notes, complete, name }) {
  const { names, merged, order } = speakers.state;
  const changed = names.length > 0 || merged.length > 0;
  return {
    segments: segments.map((each) => ({ ...each, speaker: each.speaker === "" ? "" : speakers.label(each.speaker) })),
    names: changed ? Object.fromEntries(order.map((label) => [label, speakers.name(label)])) : {},
    duration: duration ?? segments.at(-1)?.end ?? 0,
    usage: usage && "output_tokens" in usage ? usage : null,
    notes,
    complete,
    filename: name,
  };
}

/**
 * To the clipboard: a line for each turn, with the name and the time.
 *
 * @param {Recording} recording
 */
export async function copy({ segments, speakers }) {
  const text = segments
    .filter((each) => !isSound(each))
    .map((each) => `[${clock(each.start)}] ${speakers.name(each.speaker)}: ${each.text}`)
    .join("\n");
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copyByHand(text);
}

/**
 * Where the page came over plain HTTP there is no clipboard but that of old.
 *
 * @param {string} text
 */
function copyByHand(text) {
  const field = el("textarea", { class: "unseen" });
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}
