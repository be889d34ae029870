/** The recording that is open: its people, its timeline, its conversation, and the player. */
import { el, motion, write } from "../dom.js";
import { t } from "../i18n.js";
import { editTurn } from "../transcript/editing.js";
import { FORMATS, copy, download } from "../transcript/exports.js";
import { askWho, showPeople } from "../transcript/people.js";
import { Player } from "../transcript/player.js";
import { Search } from "../transcript/search.js";
import { Timeline } from "../transcript/timeline.js";

/**
 * @typedef {import("./recording.js").Recording} Recording
 * @typedef {import("./recordings.js").Recordings} Recordings
 * @typedef {import("../shared.js").Shared} Shared
 * @typedef {import("../transcript/exports.js").Format} Format
 */

export class Workspace {
  /** @type {Recording | null} */
  #recording = null;
  #drawing = 0;

  /**
   * @param {Recordings} recordings
   * @param {Shared} shared
   */
  constructor(recordings, shared) {
    this.shared = shared;
    this.player = new Player();
    this.timeline = new Timeline();
    this.title = el("h2", { id: "opened-title", tabindex: "-1" });
    this.state = el("p", { class: "small" });
    this.notes = el("ul", { class: "small notes" });
    this.people = el("ul", { class: "people", label: "people.label" });
    this.undo = el("button", { type: "button", class: "quiet", t: "edit.undo", on: { click: () => this.#recording?.undo() } });
    const talk = el("div", { class: "talk" });
    this.view = shared.transcript(talk);
    this.search = new Search(this.view);
    this.back = el("button", { type: "button", class: "back strong", t: "player.return", hidden: true, on: { click: () => this.#follow(true) } });
    this.following = el("button", { type: "button", "aria-pressed": "true", t: "player.follow", on: { click: () => this.#follow(!this.view.following) } });
    this.silent = el("p", { class: "small silent", t: "player.none", hidden: true });
    this.element = el(
      "section",
      { class: "workspace card", "aria-labelledby": "opened-title", hidden: true },
      el("header", { class: "row apart" }, el("div", {}, this.title, this.state), this.#files()),
      this.notes,
      this.people,
      this.timeline.element,
      el("div", { class: "row apart" }, this.search.element, el("div", { class: "row" }, this.undo, this.following)),
      talk,
      el("div", { class: "dock" }, this.back, this.player.element, this.silent),
    );
    this.#listen(recordings);
  }

  /** @param {Recordings} recordings */
  #listen(recordings) {
    const redraw = () => this.#soon();
    recordings.addEventListener("open", () => {
      this.#recording?.removeEventListener("segments", redraw);
      this.#recording?.removeEventListener("change", redraw);
      this.#open(recordings.opened);
      recordings.opened?.addEventListener("segments", redraw);
      recordings.opened?.addEventListener("change", redraw);
    });
    this.view.addEventListener("play", (event) => this.player.start(/** @type {CustomEvent} */ (event).detail));
    this.view.addEventListener("who", (event) => this.#who(/** @type {CustomEvent} */ (event).detail));
    this.view.addEventListener("edit", (event) => {
      if (this.#recording) editTurn(this.view, /** @type {CustomEvent} */ (event).detail, this.#recording);
    });
    this.view.addEventListener("away", () => this.player.plays && this.#follow(false, true));
    this.timeline.addEventListener("seek", (event) => this.player.goTo(/** @type {CustomEvent} */ (event).detail));
    this.player.addEventListener("time", () => {
      this.view.heard(this.player.time);
      this.timeline.at(this.player.time);
    });
    this.player.addEventListener("state", () => this.#sound());
    document.addEventListener("translated", redraw);
  }

  /** @param {Recording | null} recording */
  #open(recording) {
    this.#recording = recording;
    this.element.hidden = recording === null;
    if (recording === null) {
      this.player.close();
      return;
    }
    this.view.speakers = recording.speakers;
    this.view.editing = null;
    this.view.show([]);
    this.title.textContent = recording.name;
    this.player.load(recording.sound, recording.duration);
    this.timeline.load(recording);
    this.#draw();
    this.title.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "start", behavior: motion() });
  }

  /** Many events come in one moment, and are shown once. */
  #soon() {
    if (this.#drawing === 0) this.#drawing = window.requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#drawing = 0;
    const recording = this.#recording;
    if (recording === null) return;
    if (recording.duration && recording.duration !== this.player.duration) {
      this.player.known(recording.duration);
      this.timeline.load(recording);
    }
    this.view.show(recording.segments, recording.open);
    showPeople(this.people, recording, (label) => this.#who(label));
    this.timeline.draw();
    this.search.refresh();
    this.undo.hidden = !recording.corrected;
    this.notes.replaceChildren(...recording.notes.map((note) => el("li", {}, note)));
    this.#tellState(recording);
  }

  /** @param {Recording} recording */
  #tellState({ status, error, segments }) {
    const speech = segments.some((each) => each.speaker !== "");
    if (error) this.state.textContent = error;
    else if (status === "done" && !speech) write(this.state, "transcript.empty");
    else if (status === "done") write(this.state, "transcript.hint");
    else if (status === "stopped") write(this.state, "transcript.stopped");
    else write(this.state, "transcript.coming");
    if (error) delete this.state.dataset.t;
  }

  /** @param {string} label */
  #who(label) {
    if (this.#recording) askWho(label, this.#recording, (time) => this.player.start(time));
  }

  /**
   * @param {boolean} on
   * @param {boolean} [offer] to come back
   */
  #follow(on, offer = false) {
    this.view.following = on;
    this.following.setAttribute("aria-pressed", String(on));
    this.back.hidden = !offer;
    if (on) this.view.scrollToHeard();
  }

  #sound() {
    const { playable } = this.player;
    this.player.element.hidden = !playable;
    this.silent.hidden = playable;
  }

  /** Where the transcript can be taken. */
  #files() {
    const menu = el("details", { class: "menu" }, el("summary", { class: "button", t: "export.title" }));
    const close = () => (menu.open = false);
    const items = /** @type {Format[]} */ (Object.keys(FORMATS)).map((format) =>
      el("li", {}, el("button", { type: "button", class: "quiet", t: `export.${format}`, on: { click: () => (close(), this.#download(format)) } })),
    );
    menu.append(el("ul", {}, ...items));
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      close();
      menu.querySelector("summary")?.focus();
    });
    document.addEventListener("click", (event) => menu.contains(/** @type {Node} */ (event.target)) || close());
    return el("div", { class: "row" }, el("button", { type: "button", t: "export.copy", on: { click: () => this.#copy() } }), menu);
  }

  /** @param {Format} format */
  #download(format) {
    if (this.#recording) download(this.#recording, format, this.shared);
  }

  async #copy() {
    if (!this.#recording) return;
    try {
      await copy(this.#recording);
      this.shared.say(t("export.copied"));
    } catch {
      this.shared.complain(t("export.notCopied"));
    }
  }
}
