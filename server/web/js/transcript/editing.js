/** The form in which a segment is corrected: its words, and who said them. */
import { el, isComposed } from "../dom.js";
import { t } from "../i18n.js";
import { letters } from "../speakers.js";

/**
 * @typedef {import("./view.js").TranscriptView} TranscriptView
 * @typedef {import("./turn.js").Turn} Turn
 * @typedef {import("../recordings/recording.js").Recording} Recording
 */

const NEW = "\u0000new";

/**
 * Put the form in the turn's place until it is done with.
 *
 * @param {TranscriptView} view
 * @param {Turn} turn
 * @param {Recording} recording
 */
export function editTurn(view, turn, recording) {
  const { segment, element } = turn;
  const text = el("textarea", { rows: "3", dir: "auto", label: "edit.text", spellcheck: "true" });
  text.value = segment.text;
  const people = choices(recording, segment.speaker);
  const close = () => {
    form.remove();
    element.classList.remove("editing");
    view.editing = null;
    view.show(recording.segments, recording.open);
    /** @type {HTMLElement | null} */ (view.list.querySelector(`[data-edit="${CSS.escape(segment.id)}"]`))?.focus();
  };
  const save = () => {
    const said = text.value.trim().replace(/\s+/g, " ");
    const speaker = people.value === NEW ? somebodyNew(recording) : people.value;
    const same = said === segment.text && speaker === current(recording, segment.speaker);
    if (!same) recording.correct(() => change(recording, segment.id, said, speaker));
    close();
  };
  const remove = () => {
    recording.correct(() => change(recording, segment.id, "", segment.speaker));
    close();
  };
  const form = el(
    "form",
    { class: "edit-form", on: { submit: (event) => (event.preventDefault(), save()) } },
    text,
    el("label", { class: "row" }, el("span", { t: "edit.speaker" }), people),
    el(
      "div",
      { class: "row" },
      el("button", { class: "strong", t: "edit.save" }),
      el("button", { type: "button", t: "page.cancel", on: { click: close } }),
      el("button", { type: "button", class: "quiet", t: "edit.remove", on: { click: remove } }),
    ),
  );
  form.addEventListener("keydown", (event) => {
    if (isComposed(event)) return;
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && event.target === text && !event.shiftKey) {
      event.preventDefault();
      save();
    }
  });
  view.editing = segment.id;
  element.classList.add("editing");
  element.append(form);
  text.focus();
}

/**
 * @param {Recording} recording
 * @param {string} id
 * @param {string} text "" where the segment goes
 * @param {string} speaker
 */
function change(recording, id, text, speaker) {
  recording.segments = recording.segments.flatMap((each) => {
    if (each.id !== id) return [each];
    return text ? [{ ...each, text, speaker, speaker_in_doubt: undefined }] : [];
  });
}

/**
 * @param {Recording} recording
 * @param {string} speaker
 */
function choices({ speakers }, speaker) {
  const select = el("select", {});
  if (speaker === "") select.append(el("option", { value: "", t: "edit.nobody" }));
  for (const label of speakers.all) select.append(el("option", { value: label }, speakers.name(label)));
  select.append(el("option", { value: NEW }, t("edit.new")));
  select.value = speaker === "" ? "" : speakers.label(speaker);
  return select;
}

/**
 * @param {Recording} recording
 * @param {string} speaker
 */
function current({ speakers }, speaker) {
  return speaker === "" ? "" : speakers.label(speaker);
}

/** @param {Recording} recording */
function somebodyNew({ speakers }) {
  const taken = new Set(speakers.state.order);
  for (let number = 0; ; number += 1) {
    const label = letters(number);
    if (!taken.has(label)) return speakers.label(label);
  }
}
