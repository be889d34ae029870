/** What can be done with what was said: shown large, copied, saved, put away; and its speakers named. */
import { el } from "../../dom.js";
import { FORMATS, copy, download } from "../../transcript/exports.js";
import { askWho } from "../../transcript/people.js";

/**
 * @typedef {import("../../transcript/exports.js").Format} Format
 * @typedef {import("../../shared.js").Shared} Shared
 * @typedef {import("../script.js").Script} Script
 */

/**
 * @param {Script} script
 * @param {Shared} shared
 * @param {{enlarge: () => void, clear: () => void}} asked
 * @returns {{element: HTMLElement, ask: (speaker: string) => void}} ask: who somebody is
 */
export function toolbar(script, shared, asked) {
  const format = el(
    "select",
    { label: "live.format" },
    ...Object.entries(FORMATS).map(([name, ending]) => el("option", { value: name }, ending)),
  );
  const actions = [
    el("button", { type: "button", t: "live.copy", on: { click: () => void copied(script, shared) } }),
    el("span", { class: "joined" }, format, el("button", {
      type: "button",
      t: "live.download",
      on: { click: () => void download(recorded(script, shared), /** @type {Format} */ (format.value), shared) },
    })),
    el("button", { type: "button", class: "quiet", t: "live.clear", on: { click: asked.clear } }),
  ];
  const large = el("button", { type: "button", class: "live-enlarge", t: "live.enlarge", on: { click: asked.enlarge } });
  const element = el("div", { class: "row apart" }, large, el("div", { class: "row live-actions" }, ...actions));
  const show = () => actions.forEach((action) => (action.hidden = script.isEmpty));
  script.addEventListener("change", show);
  show();
  return { element, ask: (speaker) => askWho(speaker, recorded(script, shared), () => {}) };
}

/**
 * @param {Script} script
 * @param {Shared} shared
 */
async function copied(script, shared) {
  await copy(recorded(script, shared));
  shared.say(shared.t("live.copied"));
}

/**
 * What was said, as what is done with recordings takes it.
 *
 * @param {Script} script
 * @param {Shared} shared
 */
function recorded(script, { speakers, t }) {
  const segments = script.state.closed;
  return {
    name: t("live.file"),
    segments,
    speakers,
    duration: segments.at(-1)?.end ?? 0,
    usage: null,
    notes: [],
    complete: true,
    sound: null,
    correct: (/** @type {() => void} */ change) => change(),
  };
}
