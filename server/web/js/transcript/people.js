/** Everybody who speaks, with how long; and the dialog in which somebody is named, or found to be somebody else. */
import { el } from "../dom.js";
import { clock, span } from "../times.js";
import { badge } from "./turn.js";

/**
 * @typedef {Pick<import("../recordings/recording.js").Recording, "segments" | "speakers" | "sound" | "correct">} Recording
 * @typedef {import("./segments.js").Segment} Segment
 */

/** Passages of somebody to tell who it is. */
const EXCERPTS = 3;

/**
 * The row of people.
 *
 * @param {HTMLElement} row
 * @param {Recording} recording
 * @param {(label: string) => void} choose
 */
export function showPeople(row, recording, choose) {
  const { speakers } = recording;
  const shares = speakingTimes(recording);
  const chips = speakers.all
    .filter((label) => shares.has(label))
    .map((label) =>
      el(
        "li",
        {},
        el(
          "button",
          { type: "button", class: "chip", tip: "people.change", on: { click: () => choose(label) } },
          badge(label, speakers),
          el("span", { class: "unseen", t: "people.chip" }),
          el("span", {}, speakers.name(label)),
          el("span", { class: "small" }, span(shares.get(label) ?? 0)),
        ),
      ),
    );
  row.replaceChildren(...chips);
}

/**
 * Seconds that everybody speaks, by label.
 *
 * @param {Recording} recording
 * @returns {Map<string, number>}
 */
export function speakingTimes({ segments, speakers }) {
  /** @type {Map<string, number>} */
  const shares = new Map();
  for (const { speaker, start, end } of segments) {
    if (speaker === "") continue;
    const label = speakers.label(speaker);
    shares.set(label, (shares.get(label) ?? 0) + end - start);
  }
  return shares;
}

/**
 * Ask who somebody is.
 *
 * @param {string} label
 * @param {Recording} recording
 * @param {(time: number) => void} play
 */
export function askWho(label, recording, play) {
  const { speakers } = recording;
  const name = el("input", { id: "person-name", type: "text", maxlength: "100", autocomplete: "off" });
  name.value = speakers.given(label);
  name.placeholder = speakers.name(label);
  const others = speakers.all.filter((each) => each !== label && speakingTimes(recording).has(each));
  const same = el(
    "select",
    { id: "person-same" },
    el("option", { value: "", t: "people.nobody" }),
    ...others.map((each) => el("option", { value: each }, speakers.name(each))),
  );
  const shown = el(
    "dialog",
    { "aria-labelledby": "person-title" },
    el(
      "form",
      { method: "dialog" },
      el("h2", { id: "person-title", class: "row" }, badge(label, speakers), el("span", { t: "people.title", values: { name: speakers.name(label) } })),
      ...excerpts(label, recording, play),
      el("label", { for: "person-name", t: "people.name" }),
      name,
      others.length ? el("label", { for: "person-same", t: "people.same" }) : null,
      others.length ? same : null,
      el(
        "div",
        { class: "row end" },
        el("button", { type: "button", t: "page.cancel", on: { click: () => shown.close() } }),
        el("button", { class: "strong", value: "save", t: "edit.save" }),
      ),
    ),
  );
  shown.addEventListener("close", () => {
    shown.remove();
    if (shown.returnValue !== "save") return;
    const into = same.value;
    if (!into && name.value.trim() === speakers.given(label)) return;
    recording.correct(() => {
      if (name.value.trim() !== speakers.given(label)) speakers.rename(label, name.value);
      if (into) speakers.merge(label, into);
    });
  });
  document.body.append(shown);
  shown.showModal();
  name.focus();
}

/**
 * Somebody's longest passages, to be heard.
 *
 * @param {string} label
 * @param {Recording} recording
 * @param {(time: number) => void} play
 */
function excerpts(label, { segments, speakers, sound }, play) {
  const theirs = segments
    .filter((each) => each.speaker !== "" && speakers.label(each.speaker) === label)
    .toSorted((one, other) => other.end - other.start - (one.end - one.start))
    .slice(0, EXCERPTS);
  return theirs.map((each) =>
    el(
      "p",
      { class: "excerpt" },
      el(
        "button",
        {
          type: "button",
          class: "time",
          disabled: sound === null,
          label: "turn.play",
          values: { at: clock(each.start) },
          on: { click: () => play(each.start) },
        },
        clock(each.start),
      ),
      el("span", { dir: "auto" }, each.text),
    ),
  );
}
