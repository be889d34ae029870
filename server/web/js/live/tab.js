/** Live captions: somebody speaks, and it can be read a moment later. */
import { el, write } from "../dom.js";
import { LargeCaptions } from "./captions/large.js";
import { CaptionSettings } from "./captions/settings.js";
import { inWords } from "./faults.js";
import { forget, keep, kept } from "./keep.js";
import { Script } from "./script.js";
import { LiveSession } from "./session/live_session.js";
import { mayCapture, openMicrophone, openSample, openTab } from "./sound/sources.js";
import { Controls } from "./view/controls.js";
import { Conversation } from "./view/conversation.js";
import { Reader } from "./view/reader.js";
import { toolbar } from "./view/toolbar.js";
import { WakeLock } from "./wake_lock.js";

/**
 * @typedef {import("../shared.js").Shared} Shared
 * @typedef {import("./sound/capture.js").Source} Source
 * @typedef {import("./session/live_session.js").State} State
 */

/**
 * @param {HTMLElement} section
 * @param {Shared} shared
 */
export function mount(section, shared) {
  section.append(new LiveTab(shared).element);
}

class LiveTab {
  #shared;
  #script = new Script();
  #wakeLock = new WakeLock();
  /** @type {LiveSession | null} that is not over */
  #session = null;
  /** @type {Source | null} that is heard */
  #source = null;
  /** what goes on with the session before, if anything */
  #before = { resumption: {}, position: 0 };
  /** the browser's storage has no room for all that was said */
  #full = false;
  /** grows with each start and stop: whoever was waiting meanwhile does nothing any more */
  #turn = 0;

  /** @param {Shared} shared */
  constructor(shared) {
    this.#shared = shared;
    this.#restore();
    this.controls = new Controls({
      start: () => this.#start(),
      stop: () => this.#stop(),
      changed: () => this.#change(),
    });
    this.room = el("p", { class: "room-state" });
    const large = new LargeCaptions(this.#script, shared.speakers, new CaptionSettings(), this.room);
    const tools = toolbar(this.#script, shared, { enlarge: () => large.open(), clear: () => this.#clear() });
    const conversation = new Conversation(this.#script, shared.speakers, {
      chosen: tools.ask,
      tryOut: () => this.#tryOut(),
    });
    const reader = new Reader(this.#script, shared.speakers);
    this.element = el(
      "div",
      { class: "live" },
      el("h1", { t: "live.title" }),
      mayCapture() ? null : insecure(),
      this.controls.element,
      el("div", { class: "card live-said" }, tools.element, conversation.element, reader.element),
      large.dialog,
    );
    this.#script.addEventListener("change", () => this.#keep());
    shared.speakers.addEventListener("change", () => this.#keep());
    window.addEventListener("pagehide", () => this.#keep());
    void this.controls.listDevices();
    navigator.mediaDevices?.addEventListener("devicechange", () => this.controls.listDevices());
  }

  // ------------------------------------------------------------------------------------------------- start and stop

  async #start() {
    const turn = ++this.#turn;
    this.controls.running = true;
    this.controls.state("opening");
    let source;
    try {
      source = await this.#open(turn);
    } catch (fault) {
      if (turn === this.#turn) this.#over(fault);
      return;
    }
    if (turn !== this.#turn) return void source.stop();
    this.#source = source;
    this.#wakeLock.take();
    void this.controls.listDevices();
    const options = { rate: source.rate, keywords: this.controls.wish.keywords, ...this.#before };
    const session = new LiveSession(this.#shared.api, this.#script, options, {
      state: (state, because) => turn === this.#turn && this.#stands(state, because ?? null),
      delay: (seconds) => this.controls.delay(seconds),
      complaint: this.#shared.complain,
    });
    this.#session = session;
    void session.run();
  }

  /** See it without a microphone. */
  #tryOut() {
    this.controls.choose("sample");
    this.controls.button.focus();
    return this.#start();
  }

  /**
   * @param {number} turn
   * @returns {Promise<Source>}
   */
  #open(turn) {
    const { source, device, processed, sample } = this.controls.wish;
    const listener = {
      heard: (/** @type {import("./sound/chunker.js").Chunk} */ { samples, level }) => {
        this.controls.meter.show(level);
        this.#session?.hear(samples);
      },
      // Each track of what is shared says so.
      ended: () => turn === this.#turn && !this.#isFinishing && this.#stop(),
    };
    if (source === "microphone") return openMicrophone({ device, processed }, listener);
    if (source === "tab") return openTab(listener);
    return openSample(this.#shared.api.url(`/web/samples/${sample}.flac`), listener);
  }

  /** Another microphone, or another processing of it, while one is heard. */
  async #change() {
    const [turn, before] = [this.#turn, this.#source];
    if (before === null) return;
    await before.stop();
    if (turn !== this.#turn) return;
    try {
      const source = await this.#open(turn);
      const wanted = turn === this.#turn && this.#source === before; // nobody has stopped meanwhile
      if (wanted && source.rate === before.rate) this.#source = source;
      else await source.stop();
    } catch (fault) {
      this.#shared.complain(inWords(fault, this.#shared.t));
    }
    if (turn === this.#turn && this.#source === before) await this.#stop();
  }

  /** The sound is over, the words are not. */
  get #isFinishing() {
    return this.#session !== null && this.#source === null;
  }

  /** The last words come yet, unless nobody waits for them: asked for again it ends at once. */
  async #stop() {
    if (this.#isFinishing) return this.#session?.end();
    const source = this.#source;
    this.#source = null;
    if (source === null) {
      this.#turn++; // whatever is being opened is not wanted any more
      return this.#over(null);
    }
    this.#wakeLock.release();
    await source.stop();
    this.#session?.finish();
  }

  // ------------------------------------------------------------------------------------------------ how things stand

  /**
   * @param {State} state
   * @param {Error | null} because
   */
  #stands(state, because) {
    if (state === "over") return this.#over(because);
    const shown = state === "listening" ? `listening.${this.controls.wish.source}` : state;
    this.#tell(shown);
  }

  /** @param {unknown} fault null where it ended as it should */
  #over(fault) {
    const [session, source] = [this.#session, this.#source];
    if (session !== null) this.#before = { resumption: session.resumption, position: session.position };
    [this.#session, this.#source] = [null, null];
    this.#turn++;
    void source?.stop();
    this.#wakeLock.release();
    this.controls.running = false;
    this.controls.delay(null);
    this.#tell(this.#script.isEmpty ? "ready" : "stopped");
    this.#keep();
    if (fault !== null) this.#shared.complain(inWords(fault, this.#shared.t));
  }

  /** @param {string} state of the keys live.state.* */
  #tell(state) {
    this.controls.state(state);
    write(this.room, `live.state.${state}`);
    this.#shared.say(this.#shared.t(`live.state.${state}`));
  }

  // ------------------------------------------------------------------------------------------------------ what is kept

  #restore() {
    const before = kept();
    if (before === null) return;
    this.#shared.speakers.restore(before.speakers);
    this.#script.restore(before.script);
    this.#before = { resumption: before.resumption, position: before.position };
  }

  #keep() {
    if (this.#script.isEmpty) return forget();
    const { resumption, position } = this.#session ?? this.#before;
    const fits = keep({ script: this.#script.state, speakers: this.#shared.speakers.state, resumption, position });
    if (!fits && !this.#full) this.#shared.complain(this.#shared.t("live.fault.full"));
    this.#full = !fits;
  }

  /** Begin anew, with nothing said and nobody known. */
  #clear() {
    this.#before = { resumption: {}, position: 0 };
    this.#script.clear();
    this.#shared.speakers.restore({ order: [], names: [], merged: [] });
    this.#tell("ready");
  }
}

/** Why there is no microphone here, for as long as there is none. */
function insecure() {
  const port = location.port || "80";
  return el(
    "aside",
    { class: "notice live-insecure" },
    el("p", {}, el("strong", { t: "live.insecure.title" }), " ", el("span", { t: "live.insecure.text" })),
    el("p", {}, el("span", { t: "live.insecure.tunnel" }), " ", el("code", {}, `ssh -L ${port}:localhost:${port} ${location.hostname}`)),
    el("p", {}, el("span", { t: "live.insecure.then", values: { port } })),
  );
}
