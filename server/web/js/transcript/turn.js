/** One segment on the page: who, when, and the words, each of which can be heard. */
import { el } from "../dom.js";
import { clock } from "../times.js";
import { isSound, wordsOf } from "./segments.js";

/**
 * @typedef {import("./segments.js").Segment} Segment
 * @typedef {import("./segments.js").Word} Word
 * @typedef {import("../speakers.js").Speakers} Speakers
 *
 * @typedef {object} Turn
 * @property {Segment} segment
 * @property {string} shown what it was made from: another text is another turn
 * @property {HTMLLIElement} element
 * @property {Word[]} words
 * @property {HTMLElement[]} spans of the words
 */

/**
 * @param {Segment} segment
 * @param {Speakers} speakers
 * @param {boolean} goesOn the same person spoke before
 * @returns {Turn}
 */
export function makeTurn(segment, speakers, goesOn) {
  const words = wordsOf(segment);
  const spans = words.map((word, place) => el("span", { class: "word", "data-word": place }, word.text));
  const said = el("p", { class: "said", dir: "auto" }, ...spans.flatMap((span, place) => [words[place].lead, span]));
  const element = el("li", { class: "turn", "data-id": segment.id }, said, tools(segment));
  if (isSound(segment)) element.classList.add("sound");
  else element.prepend(who(segment, speakers));
  if (goesOn) element.classList.add("goes-on");
  return { segment, shown: imprint(segment, speakers, goesOn), element, words, spans };
}

/**
 * What a turn looks like, in one text.
 *
 * @param {Segment} segment
 * @param {Speakers} speakers
 * @param {boolean} goesOn
 */
export function imprint(segment, speakers, goesOn) {
  const speaker = isSound(segment) ? "" : `${speakers.label(segment.speaker)} ${speakers.name(segment.speaker)}`;
  return [speaker, speakers.number(segment.speaker), goesOn, segment.start, segment.end, segment.text].join("\u0000");
}

/**
 * @param {Segment} segment
 * @param {Speakers} speakers
 */
function who(segment, speakers) {
  const label = speakers.label(segment.speaker);
  const called = speakers.name(label);
  const named = { label: "people.rename", values: { name: called }, tip: "people.change" };
  const name = el("button", { type: "button", class: "name", "data-who": label, ...named }, called);
  const doubt = segment.speaker_in_doubt ? el("span", { class: "doubt", t: "turn.doubt" }) : null;
  const made = el("div", { class: "who" }, badge(label, speakers), name, doubt);
  return made;
}

/**
 * The letter of somebody in their colour; names stand beside it.
 *
 * @param {string} label
 * @param {Speakers} speakers
 */
export function badge(label, speakers) {
  const made = el("span", { class: "badge", "aria-hidden": "true" }, speakers.letter(label));
  made.style.setProperty("--who", speakers.colour(label));
  return made;
}

/** @param {Segment} segment */
function tools(segment) {
  const at = clock(segment.start);
  return el(
    "div",
    { class: "turn-tools" },
    el("button", { type: "button", class: "time", "data-play": segment.start, label: "turn.play", values: { at } }, at),
    el(
      "button",
      { type: "button", class: "edit", "data-edit": segment.id, label: "turn.edit", values: { at } },
      el("span", { "aria-hidden": "true" }, "✎"),
    ),
  );
}
