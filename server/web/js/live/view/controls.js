/** What is to be heard, and the button that begins and ends it. */
import { el, write } from "../../dom.js";
import { mayCapture, mayShare } from "../sound/sources.js";
import { Meter } from "./meter.js";

/**
 * @typedef {"microphone" | "tab" | "sample"} SourceKind
 * @typedef {object} Wish
 * @property {SourceKind} source
 * @property {string} device of the microphone; "" for the system's choice
 * @property {boolean} processed the browser takes away echo and noise
 * @property {string} sample its name
 * @property {string[]} keywords that may be said
 */

const SAMPLES = ["two_speakers", "short", "long"];

export class Controls {
  #devices = el("select", { id: "live-device" }, el("option", { value: "", t: "live.anyDevice" }));
  #processed = el("input", { type: "checkbox" });
  #sample = el("select", { id: "live-sample" }, ...SAMPLES.map((name) => el("option", { value: name, t: `live.sample.${name}` })));
  #keywords = el("textarea", { id: "live-keywords", rows: "2", hint: "live.keywordsHint", spellcheck: "false" });
  #state = el("span", { class: "live-state" });
  #delay = el("span", { class: "small live-delay" });
  /** @type {Record<SourceKind, HTMLElement>} */
  #fields = {
    microphone: el(
      "div",
      { class: "live-fields" },
      el("label", { for: "live-device", t: "live.device" }),
      this.#devices,
      el("label", { class: "check" }, this.#processed, el("span", { t: "live.processed" })),
    ),
    tab: el("p", { class: "small", t: "live.tabHow" }),
    sample: el("div", { class: "live-fields" }, el("label", { for: "live-sample", t: "live.whichSample" }), this.#sample),
  };
  /** @type {SourceKind} */
  #source = mayCapture() ? "microphone" : "sample";
  #running = false;
  /** @type {{radio: HTMLInputElement, kind: SourceKind}[]} */
  #radios = [];

  /** @param {{start: () => void, stop: () => void, changed: () => void}} asked changed: another device or processing */
  constructor(asked) {
    this.meter = new Meter();
    this.button = el("button", { type: "button", class: "strong live-start", t: "live.start" });
    this.button.addEventListener("click", () => (this.#running ? asked.stop() : asked.start()));
    for (const field of [this.#devices, this.#processed]) field.addEventListener("change", asked.changed);
    this.settings = el(
      "fieldset",
      { class: "live-settings" },
      el("legend", { class: "unseen", t: "live.source" }),
      el("div", { class: "choices" }, ...this.#choices()),
      ...Object.values(this.#fields),
      el("details", {}, el("summary", { t: "live.keywords" }), el("label", { class: "unseen", for: "live-keywords", t: "live.keywords" }), this.#keywords),
    );
    this.element = el(
      "div",
      { class: "card live-controls" },
      this.settings,
      el("div", { class: "row live-run" }, this.button, this.meter.bar, el("p", { class: "live-stand" }, this.#state, this.#delay)),
      this.meter.hint,
    );
    this.choose(this.#source);
    this.state("ready");
  }

  /** @returns {Wish} */
  get wish() {
    return {
      source: this.#source,
      device: this.#devices.value,
      processed: this.#processed.checked,
      sample: this.#sample.value,
      keywords: this.#keywords.value.split(/[\n,;]/).map((word) => word.trim()).filter(Boolean),
    };
  }

  /** @param {boolean} running */
  set running(running) {
    this.#running = running;
    write(this.button, running ? "live.stop" : "live.start");
    this.element.classList.toggle("running", running);
    for (const input of this.settings.querySelectorAll("input[name=source], #live-sample, #live-keywords")) {
      /** @type {HTMLInputElement} */ (input).disabled = running;
    }
    if (!running) this.meter.rest();
  }

  /**
   * @param {string} state of the keys live.state.*
   * @param {Record<string, string | number>} [values]
   */
  state(state, values) {
    this.element.dataset.state = state;
    write(this.#state, `live.state.${state}`, values);
  }

  /** @param {number | null} seconds from the end of a word to its sight; null where there is nothing to say */
  delay(seconds) {
    this.#delay.hidden = seconds === null;
    if (seconds !== null) write(this.#delay, "live.delay", { seconds: Math.round(10 * seconds) / 10 });
  }

  /** What the system has: names are told once the microphone was allowed. */
  async listDevices() {
    if (!mayCapture()) return;
    const found = await navigator.mediaDevices.enumerateDevices();
    const named = found.filter(({ kind, label, deviceId }) => kind === "audioinput" && label && deviceId);
    const chosen = this.#devices.value;
    const options = named.map(({ deviceId, label }) => el("option", { value: deviceId, selected: deviceId === chosen }, label));
    this.#devices.replaceChildren(el("option", { value: "", t: "live.anyDevice" }), ...options);
  }

  #choices() {
    const possible = { microphone: mayCapture(), tab: mayShare(), sample: true };
    return Object.entries(possible).map(([name, isPossible]) => {
      const kind = /** @type {SourceKind} */ (name);
      const radio = el("input", {
        type: "radio",
        name: "source",
        value: kind,
        disabled: !isPossible,
        on: { change: () => this.choose(kind) },
      });
      this.#radios.push({ radio, kind });
      return el("label", { class: "choice" }, radio, el("span", { t: `live.from.${kind}` }));
    });
  }

  /** @param {SourceKind} source */
  choose(source) {
    this.#source = source;
    for (const { radio, kind } of this.#radios) radio.checked = kind === source;
    for (const [kind, field] of Object.entries(this.#fields)) field.hidden = kind !== source;
  }
}
