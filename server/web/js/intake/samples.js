/** Recordings that come with the server, to see in one click how it works. */
import { unreachable } from "../api.js";
import { el } from "../dom.js";
import { clock } from "../times.js";

/** Of model/tiny/samples, with how many seconds each lasts. */
const SAMPLES = [
  { name: "two_speakers", seconds: 12 },
  { name: "short", seconds: 5 },
  { name: "long", seconds: 71 },
];

/**
 * @param {import("../shared.js").Shared} shared
 * @param {(file: File) => void} take
 */
export function samples({ api, complain }, take) {
  const play = async (/** @type {string} */ name) => {
    try {
      const answer = await api.request(`/web/samples/${name}.flac`);
      take(new File([await answer.blob()], `${name}.flac`, { type: "audio/flac" }));
    } catch (error) {
      complain(error instanceof Error ? error.message : unreachable().message);
    }
  };
  return el(
    "div",
    { class: "samples" },
    el("p", { class: "small", t: "samples.title" }),
    el(
      "div",
      { class: "row" },
      ...SAMPLES.map(({ name, seconds }) =>
        el(
          "button",
          { type: "button", class: "sample", on: { click: () => play(name) } },
          el("span", { "aria-hidden": "true" }, "▶"),
          el("span", { t: `samples.${name}` }),
          el("span", { class: "small" }, clock(seconds)),
        ),
      ),
    ),
  );
}
