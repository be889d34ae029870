/** All recordings in rows, each with how far it is and what can be done about it. */
import { el, write } from "../dom.js";
import { clock, size, span } from "../times.js";

/**
 * @typedef {import("./recording.js").Recording} Recording
 * @typedef {import("./recordings.js").Recordings} Recordings
 */

/** @param {Recordings} recordings */
export function list(recordings) {
  /** @type {Map<Recording, Row>} */
  const rows = new Map();
  const items = el("ul", { class: "rows" });
  const element = el("section", { class: "recordings", "aria-labelledby": "recordings-title" });
  element.append(el("h2", { id: "recordings-title", t: "list.title" }), items);
  const show = () => {
    element.hidden = recordings.list.length === 0;
    for (const each of recordings.list) if (!rows.has(each)) rows.set(each, new Row(each, recordings));
    items.replaceChildren(...recordings.list.map((each) => /** @type {Row} */ (rows.get(each)).element));
    for (const each of rows.keys()) if (!recordings.list.includes(each)) rows.delete(each);
  };
  recordings.addEventListener("change", show);
  recordings.addEventListener("open", () => rows.forEach((row) => row.update()));
  document.addEventListener("translated", () => rows.forEach((row) => row.update()));
  show();
  return element;
}

class Row {
  /**
   * @param {Recording} recording
   * @param {Recordings} recordings
   */
  constructor(recording, recordings) {
    this.recording = recording;
    this.recordings = recordings;
    const { name } = recording;
    this.open = el("button", { type: "button", class: "open", on: { click: () => recordings.open(recording) } }, name);
    this.state = el("span", { class: "small state" });
    this.facts = el("span", { class: "small" });
    this.bar = el("progress", { max: "1", label: "list.progress", values: { name } });
    this.cancel = this.#button("list.cancel", () => recordings.cancel(recording));
    this.again = this.#button("list.again", () => recordings.again(recording));
    this.remove = this.#button("list.remove", () => recordings.remove(recording));
    this.element = el(
      "li",
      { class: "row-item" },
      el("div", { class: "row-what" }, this.open, el("div", { class: "row-facts" }, this.state, this.facts), this.bar),
      el("div", { class: "row-tools" }, this.cancel, this.again, this.remove),
    );
    recording.addEventListener("change", () => this.update());
    this.update();
  }

  update() {
    const { recording, recordings } = this;
    const { status, progress, error } = recording;
    const known = progress > 0 && progress < 1;
    this.element.dataset.state = status;
    this.element.classList.toggle("opened", recordings.opened === recording);
    this.open.setAttribute("aria-current", String(recordings.opened === recording));
    write(this.state, error ? "list.failed" : `state.${stateOf(recording)}`, { error, percent: Math.round(100 * progress) });
    this.facts.textContent = facts(recording);
    this.bar.hidden = recording.ended || status === "waiting";
    if (known) this.bar.value = progress;
    else this.bar.removeAttribute("value");
    this.cancel.hidden = recording.ended;
    this.again.hidden = !(status === "failed" || status === "stopped") || (recording.sound === null && recording.job === null);
    this.remove.hidden = !recording.ended;
  }

  /**
   * @param {string} key
   * @param {() => void} click
   */
  #button(key, click) {
    const { name } = this.recording;
    return el(
      "button",
      { type: "button", class: "quiet", on: { click } },
      el("span", { t: key }),
      el("span", { class: "unseen" }, ` ${name}`),
    );
  }
}

/** @param {Recording} recording */
function stateOf({ status, progress, job, reason }) {
  if (status === "waiting" && reason === "model_not_ready") return "loading";
  if (status === "waiting" && reason) return "busy";
  if (status === "listening" && job !== null && progress === 0) return "queued";
  if (status === "listening" && !(progress > 0)) return "heard";
  return status;
}

/** @param {Recording} recording */
function facts({ duration, size: bytes, left, ended }) {
  const lasts = duration === null ? null : clock(duration);
  const big = bytes > 0 ? size(bytes) : null;
  const takes = left === null || ended ? null : `≈ ${span(left)}`;
  return [lasts, big, takes].filter((fact) => fact !== null).join(" · ");
}
