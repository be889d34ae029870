/**
 * Reads finished segments to a screen reader, where somebody wants that: it talks over whoever speaks, so it is off until
 * switched on, and braille displays need it. Only a whole segment is told, never words that may change, and only the
 * last few stay, for some screen readers begin again with all there is.
 */
import { el } from "../../dom.js";

const KEPT_SEGMENTS = 3;

export class Reader {
  #script;
  #speakers;
  #told = 0;
  #region = el("div", { class: "unseen" });
  #on = false;

  /**
   * @param {import("../script.js").Script} script
   * @param {import("../../speakers.js").Speakers} speakers
   */
  constructor(script, speakers) {
    this.#script = script;
    this.#speakers = speakers;
    const box = el("input", { type: "checkbox", on: { change: () => this.#switch(box.checked) } });
    this.element = el("div", {}, el("label", { class: "check" }, box, el("span", { t: "live.read" })), this.#region);
    script.addEventListener("change", () => this.#tell());
  }

  /** @param {boolean} on */
  #switch(on) {
    this.#on = on;
    this.#told = this.#script.closed.length;
    this.#region.replaceChildren();
    if (on) this.#region.setAttribute("role", "log");
    else this.#region.removeAttribute("role");
  }

  #tell() {
    const { closed } = this.#script;
    for (const { speaker, text } of this.#on ? closed.slice(this.#told) : []) {
      this.#region.append(el("p", {}, speaker ? `${this.#speakers.name(speaker)}: ${text}` : text));
      if (this.#region.childElementCount > KEPT_SEGMENTS) this.#region.firstElementChild?.remove();
    }
    this.#told = closed.length;
  }
}
