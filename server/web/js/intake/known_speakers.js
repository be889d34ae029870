/** People whose voices are known: a name and some seconds of speech each. What is heard of them gets their names. */
import { el, label, write } from "../dom.js";
import { span } from "../times.js";
import { LARGEST, LENGTH, TooLarge, clipOf } from "./clip.js";
import { microphoneTrouble, openMicrophone } from "./microphone.js";

/**
 * @typedef {{name: string, reference: string}} Known reference: a `data:` URL
 * @typedef {import("../shared.js").Shared} Shared
 */

/** So many the server takes. */
const MOST = 4;

export class KnownSpeakers {
  /** @type {Person[]} */
  #people = [];

  /** @param {Shared} shared */
  constructor(shared) {
    this.shared = shared;
    this.rows = el("ul", { class: "known-people" });
    this.more = el("button", { type: "button", t: "known.add", on: { click: () => this.#add() } });
    this.element = el(
      "fieldset",
      { class: "known" },
      el("legend", { t: "known.title" }),
      el("p", { class: "small", t: "known.how", values: LENGTH }),
      this.rows,
      this.more,
    );
  }

  /**
   * Those who are told to the server. Whoever lacks a name or a voice is left out, and that is said.
   *
   * @returns {Known[]}
   */
  get chosen() {
    const told = this.#people.filter((each) => each.isWhole);
    if (told.length < this.#people.length) this.shared.complain(this.shared.t("known.incomplete"));
    return told.map(({ name, reference }) => ({ name: name.value.trim(), reference }));
  }

  #add() {
    const person = new Person(this.shared, () => {
      this.#people = this.#people.filter((each) => each !== person);
      person.element.remove();
      this.#count();
      this.more.hidden = false;
      this.more.focus();
    });
    this.#people.push(person);
    this.rows.append(person.element);
    this.#count();
    this.more.hidden = this.#people.length === MOST;
    person.name.focus();
  }

  #count() {
    this.#people.forEach((each, place) => (each.number = place + 1));
  }
}

class Person {
  static #count = 0;
  /** of the voice; "" while there is none */
  reference = "";
  /** @type {MediaRecorder | null} */
  #recorder = null;
  /** The microphone was asked for. */
  #asking = false;
  /** What was given, the newest last: only that one counts, and none once the person is taken away. */
  #given = 0;
  #gone = false;
  #number = 0;
  /** @type {HTMLElement[]} for screen readers: whose voice is chosen, recorded or taken away */
  #whose = [];

  /**
   * @param {Shared} shared
   * @param {() => void} remove
   */
  constructor(shared, remove) {
    this.shared = shared;
    const id = `known-voice-${++Person.#count}`;
    this.name = el("input", { type: "text", maxlength: "100", autocomplete: "off", hint: "known.name" });
    this.name.addEventListener("input", () => this.#tellWhose());
    const file = el("input", { type: "file", id, class: "unseen", accept: "audio/*,video/*" });
    file.addEventListener("change", () => {
      if (file.files?.[0]) this.#take(file.files[0]);
      file.value = "";
    });
    this.record = el("span", { t: "known.record" });
    this.state = el("span", { class: "small", role: "status", t: "known.none" });
    this.listen = el("audio", { controls: true, hidden: true });
    this.element = el(
      "li",
      { class: "known-person" },
      this.name,
      file,
      el("label", { class: "button", for: id }, el("span", { t: "known.choose" }), this.#unseen()),
      el("button", { type: "button", on: { click: () => this.#toggle() } }, this.record, this.#unseen()),
      el(
        "button",
        { type: "button", class: "quiet", on: { click: () => (this.#leave(), remove()) } },
        el("span", { t: "known.remove" }),
        this.#unseen(),
      ),
      this.state,
      this.listen,
    );
    this.#watchDrops();
  }

  /** @param {number} number place in the list, from 1 */
  set number(number) {
    this.#number = number;
    label(this.name, "known.nameOf", { number });
    this.#tellWhose();
  }

  get isWhole() {
    return this.name.value.trim() !== "" && this.reference !== "";
  }

  /** Behind the words of a button. */
  #unseen() {
    const made = el("span", { class: "unseen" });
    this.#whose.push(made);
    return made;
  }

  /** By the name; by the number while there is none. */
  #tellWhose() {
    const [name, number] = [this.name.value.trim(), this.#number];
    const [ending, values] = name ? ["", { name }] : ["Nameless", { number }];
    for (const each of this.#whose) write(each, `known.whose${ending}`, values);
    label(this.listen, `known.listen${ending}`, values);
  }

  /** Nothing of the voice stays, and nobody is recorded any more. */
  #leave() {
    this.#gone = true;
    this.#recorder?.stop();
    this.#forget();
  }

  #forget() {
    this.#given++;
    this.reference = "";
    this.listen.hidden = true;
    URL.revokeObjectURL(this.listen.src);
    this.listen.removeAttribute("src");
  }

  /**
   * @param {Blob} sound
   * @param {boolean} recorded here, just now: the browser can read its own, unless it holds no sound yet
   */
  async #take(sound, recorded = false) {
    if (this.#gone) return;
    this.#forget();
    const given = this.#given;
    try {
      if (sound.size === 0) return this.#tellShort(0); // stopped before anything came
      const { seconds, clip, reference } = await clipOf(sound);
      if (given !== this.#given) return;
      if (seconds < LENGTH.least) return this.#tellShort(seconds);
      this.reference = reference;
      this.listen.src = URL.createObjectURL(clip);
      this.listen.hidden = false;
      write(this.state, "known.there", { length: span(seconds) });
    } catch (error) {
      if (given !== this.#given) return;
      if (error instanceof TooLarge) write(this.state, "known.large", LARGEST);
      else if (recorded) this.#tellShort(0); // stopped when only the file's beginning was written
      else write(this.state, "known.unreadable");
    }
  }

  /** @param {number} seconds that came */
  #tellShort(seconds) {
    write(this.state, "known.short", { ...LENGTH, seconds: Math.round(10 * seconds) / 10 });
  }

  async #toggle() {
    if (this.#recorder !== null) return this.#recorder.stop();
    if (this.#asking) return;
    this.#asking = true;
    try {
      const stream = await openMicrophone(false);
      if (this.#gone) return stream.getTracks().forEach((track) => track.stop());
      const recorder = new MediaRecorder(stream);
      recorder.ondataavailable = ({ data }) => this.#take(data, true);
      const timer = window.setTimeout(() => recorder.stop(), 1000 * LENGTH.most);
      recorder.onstop = () => {
        window.clearTimeout(timer);
        for (const track of stream.getTracks()) track.stop();
        this.#recorder = null;
        write(this.record, "known.record");
      };
      recorder.start();
      this.#recorder = recorder;
      write(this.record, "record.stop");
      write(this.state, "known.recording", LENGTH);
    } catch (error) {
      this.shared.complain(microphoneTrouble(error));
    } finally {
      this.#asking = false;
    }
  }

  /** What is let go here is a voice, and no recording to be transcribed. */
  #watchDrops() {
    this.element.addEventListener("dragover", (event) => (event.preventDefault(), event.stopPropagation()));
    this.element.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      const file = event.dataTransfer?.files[0];
      if (file) this.#take(file);
    });
  }
}
