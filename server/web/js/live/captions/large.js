/** Captions over the whole window, over the whole screen, or in a window of their own. */
import { el } from "../../dom.js";
import { openOwnWindow } from "./own_window.js";
import { COLOURS, LINES } from "./settings.js";
import { CaptionStage } from "./stage.js";

/** @typedef {import("./settings.js").Colours} Colours */

const SIZE_STEP = 0.5;
const AWAKE_MILLISECONDS = 3000;

export class LargeCaptions {
  #make;
  #settings;
  /** @type {CaptionStage | null} */
  #stage = null;
  #sleeping = 0;

  /**
   * @param {import("../script.js").Script} script
   * @param {import("../../speakers.js").Speakers} speakers
   * @param {import("./settings.js").CaptionSettings} settings
   * @param {HTMLElement} state how the session stands, for those in the room
   */
  constructor(script, speakers, settings, state) {
    this.#make = () => new CaptionStage(script, speakers, settings);
    this.#settings = settings;
    this.screen = el("div", { class: "screen" }, el("div", { class: "caption-foot" }, state, this.#tools()));
    this.dialog = el("dialog", { class: "captions", label: "live.captions" }, this.screen);
    this.screen.addEventListener("pointermove", () => this.#wake());
    this.dialog.addEventListener("close", () => this.#close());
  }

  open() {
    this.#stage = this.#make();
    this.screen.prepend(this.#stage.element);
    this.dialog.showModal();
    this.#wake();
  }

  #close() {
    this.#stage?.remove();
    this.#stage = null;
    if (document.fullscreenElement) void document.exitFullscreen();
  }

  #tools() {
    const settings = this.#settings;
    const button = (/** @type {string} */ key, /** @type {() => void} */ click) =>
      el("button", { type: "button", t: key, on: { click } });
    const sized = (/** @type {string} */ sign, /** @type {string} */ key, /** @type {number} */ by) =>
      el(
        "button",
        { type: "button", on: { click: () => settings.change({ size: settings.size + by }) } },
        el("span", { "aria-hidden": "true" }, sign),
        el("span", { class: "unseen", t: key }),
      );
    const lines = select("live.lines", LINES.map(String), String(settings.lines), (value) => ({ value }), (value) =>
      settings.change({ lines: Number(value) }),
    );
    const colours = select("live.colours", COLOURS, settings.colours, (value) => ({ value, t: `live.${value}` }), (value) =>
      settings.change({ colours: /** @type {Colours} */ (value) }),
    );
    const tentative = el("input", {
      type: "checkbox",
      checked: settings.tentative,
      on: { change: () => settings.change({ tentative: tentative.checked }) },
    });
    return el(
      "div",
      { class: "caption-tools", role: "group", label: "live.look" },
      sized("A−", "live.smaller", -SIZE_STEP),
      sized("A+", "live.larger", SIZE_STEP),
      lines,
      colours,
      el("label", { class: "check" }, tentative, el("span", { t: "live.tentative" })),
      document.fullscreenEnabled ? button("live.fullscreen", () => this.#fullscreen()) : null, // not on an iPhone
      button("live.ownWindow", () => this.#leave()),
      el("button", { type: "button", class: "strong", t: "page.close", on: { click: () => this.dialog.close() } }),
    );
  }

  async #fullscreen() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await this.screen.requestFullscreen();
  }

  /** Into a window of their own, which goes to the projector. */
  async #leave() {
    const stage = this.#make();
    if (await openOwnWindow(stage)) this.dialog.close();
    else stage.remove();
  }

  /** The tools are in the way on a full screen, while nobody moves the pointer. */
  #wake() {
    this.screen.classList.add("awake");
    clearTimeout(this.#sleeping);
    this.#sleeping = setTimeout(() => this.screen.classList.remove("awake"), AWAKE_MILLISECONDS);
  }
}

/**
 * @param {string} label
 * @param {readonly string[]} values
 * @param {string} chosen
 * @param {(value: string) => import("../../dom.js").Props & Record<string, unknown>} props
 * @param {(value: string) => void} choose
 */
function select(label, values, chosen, props, choose) {
  const options = values.map((value) =>
    el("option", { ...props(value), selected: value === chosen }, "t" in props(value) ? null : value),
  );
  const made = el("select", { on: { change: () => choose(made.value) } }, ...options);
  return el("label", { class: "field" }, el("span", { t: label }), made);
}
