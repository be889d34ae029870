/** Where recordings come from: files, the microphone, and the samples; with what the model should know of them. */
import { el } from "../dom.js";
import { KnownSpeakers } from "./known_speakers.js";
import { Recorder } from "./recorder.js";
import { samples } from "./samples.js";

/**
 * @typedef {import("../recordings/recording.js").Wishes} Wishes
 * @typedef {(files: File[], wishes: Wishes, open?: boolean) => Promise<unknown>} Take
 */

export class Intake {
  /**
   * @param {import("../shared.js").Shared} shared
   * @param {Take} take
   */
  constructor(shared, take) {
    this.shared = shared;
    this.take = take;
    this.hotwords = el("textarea", { id: "hotwords", rows: "2", hint: "wishes.hotwords.hint" });
    this.prompt = el("textarea", { id: "prompt", rows: "2", hint: "wishes.prompt.hint" });
    this.known = new KnownSpeakers(shared);
    this.recorder = new Recorder(shared, (file) => this.#give([file], true));
    this.field = el("input", { type: "file", id: "files", class: "unseen", multiple: true, accept: "audio/*,video/*,.mka,.mkv,.ts,.amr,.opus,.flac" });
    this.field.addEventListener("change", () => {
      this.#give([...(this.field.files ?? [])]);
      this.field.value = "";
    });
    this.drop = el(
      "div",
      { class: "drop" },
      el("p", { class: "drop-words", t: "drop.words" }),
      el("div", { class: "row center" }, this.field, el("label", { class: "button strong", for: "files", t: "drop.choose" }), this.recorder.button),
      this.recorder.panel,
    );
    this.element = el(
      "div",
      { class: "card intake" },
      this.drop,
      samples(shared, (file) => this.take([file], { hotwords: "", prompt: "", known: [] }, true)),
      el(
        "details",
        { class: "wishes" },
        el("summary", { t: "wishes.title" }),
        el("div", { class: "fields" }, el("label", { for: "hotwords", t: "wishes.hotwords" }), this.hotwords, el("label", { for: "prompt", t: "wishes.prompt" }), this.prompt),
        this.known.element,
      ),
    );
    this.#watchDrops();
  }

  /** Offers what the microphone had recorded before the page was closed in the middle. */
  recoverRecording() {
    this.recorder.recover();
  }

  /**
   * @param {File[]} files
   * @param {boolean} [open]
   */
  async #give(files, open) {
    const empty = files.filter((file) => file.size === 0);
    for (const file of empty) this.shared.complain(this.shared.t("drop.empty", { name: file.name }));
    const full = files.filter((file) => file.size > 0);
    if (full.length === 0) return;
    const { hotwords, prompt, known } = this;
    await this.take(full, { hotwords: hotwords.value, prompt: prompt.value, known: known.chosen }, open);
  }

  /** Wherever on the page a file is let go, it is meant for here. */
  #watchDrops() {
    const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
    window.addEventListener("dragover", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      this.drop.classList.add("over");
    });
    window.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) this.drop.classList.remove("over");
    });
    window.addEventListener("drop", (event) => {
      this.drop.classList.remove("over");
      if (!carriesFiles(event)) return;
      event.preventDefault();
      location.hash = "#transcribe";
      this.#give([...(event.dataTransfer?.files ?? [])]);
    });
  }
}
