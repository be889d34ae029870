/**
 * One session, over as many connections as it takes: docs/realtime.md, "Going on after a restart or a lost connection".
 *
 * @typedef {import("./connection.js").Message} Message
 * @typedef {{token?: string, voices?: string}} Resumption
 * @typedef {"connecting" | "loading" | "listening" | "lost" | "finishing" | "over"} State
 * @typedef {object} Options
 * @property {number} rate Hz, of the sound that comes
 * @property {string[]} keywords names and words that may be said
 * @property {Resumption} resumption of the session that goes on; {} for a new one
 * @property {number} position seconds of it that were heard before
 * @typedef {object} Tell
 * @property {(state: State, because?: Error | null) => void} state because: why a connection is lost, or the session over
 * @property {(seconds: number) => void} delay from the end of a word to its sight
 * @property {(message: string) => void} complaint of the server, with which the session goes on
 */
import { KeptSound } from "../sound/kept_sound.js";
import { Backoff } from "./backoff.js";
import { Connection, Refused } from "./connection.js";
import { Owed } from "./owed.js";
import { SessionError, endsConnection, isHopeless, isLoading } from "./verdicts.js";

const HYPOTHESIS = "item.input_audio_transcription.hypothesis";
const TRANSCRIPTION = "conversation.item.input_audio_transcription.";
const MOST_WAITING = 1 << 19;
/** Bytes on their way: the server reads no faster than the model follows. */
const PUMP_MILLISECONDS = 50;
const LAST_WORDS_SECONDS = 30;
const MOST_FAILURES = 3;
/** Connections in a row on which the server fails before it tells a word: then it goes on as another session. */

export class LiveSession {
  #api;
  #script;
  #options;
  #tell;
  #sound;
  #owed = new Owed();
  #backoff = new Backoff();
  /** @type {Connection | null} */
  #connection = null;
  /** the next sample to send; null while the server is not ready for any */
  #cursor = /** @type {number | null} */ (null);
  #everConnected = false;
  #finishing = false;
  /** there is no model yet that could hear anything */
  #loading = false;
  #over = false;
  /** @type {SessionError | null} that ends the present connection */
  #error = null;
  #newest = 0;
  /** @type {number | null} milliseconds: since when the present connection is a session */
  #since = null;
  #pumping = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} for the last words */
  #patience;
  /** connections in a row that failed before a word was told */
  #failures = 0;

  /**
   * @param {import("../../api.js").Api} api
   * @param {import("../script.js").Script} script gets what is said
   * @param {Options} options
   * @param {Tell} tell
   */
  constructor(api, script, options, tell) {
    this.#api = api;
    this.#script = script;
    this.#options = options;
    this.#tell = tell;
    this.resumption = { ...options.resumption };
    const goesOn = this.resumption.token !== undefined;
    if (!goesOn) script.beginPart(options.position);
    this.#sound = new KeptSound(options.rate, goesOn ? options.position : 0);
  }

  /** Seconds of sound so far. */
  get position() {
    return this.#sound.end / this.#options.rate;
  }

  /** Go on until the end; `tell.state("over")` comes last. */
  async run() {
    this.#tell.state("connecting");
    while (!this.#over) {
      const because = await this.#connected();
      if (this.#over) return;
      this.#loading = isLoading(because);
      if (isHopeless(because, this.#everConnected)) return this.end(because);
      if (because instanceof SessionError && because.code === "engine_failed") this.#failures++;
      this.#script.recall();
      this.#owed.recall();
      if (this.#finishing && !this.#loading) this.#limit();
      this.#tell.state(this.#finishing ? "finishing" : this.#loading ? "loading" : "lost", because);
      // How long it still loads is a guess of the server's, and asking costs nothing.
      await later(this.#backoff.next(because instanceof Refused && !this.#loading ? because.retryAfter : 0));
    }
  }

  /** @param {Int16Array<ArrayBuffer>} samples the next sound, whether there is a connection or not */
  hear(samples) {
    this.#sound.append(samples);
    this.#pump();
  }

  /** No more sound comes; the last words are waited for, but not for ever. */
  finish() {
    if (this.#finishing || this.#over) return;
    this.#finishing = true;
    if (!this.#everConnected && !this.#loading) return this.end();
    this.#tell.state("finishing");
    if (!this.#loading) this.#limit(); // until then what was said is kept
    this.#pump();
  }

  /** At once, whatever is still to come. @param {Error | null} [because] */
  end(because = null) {
    if (this.#over) return;
    this.#over = true;
    this.#connection?.close();
    this.#connection = null;
    this.#script.end();
    this.#tell.state("over", because);
  }

  /** The next of the last words have so long to come. @param {boolean} anew some have */
  #limit(anew = false) {
    if (this.#patience !== undefined && !anew) return;
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.end(), 1000 * LAST_WORDS_SECONDS);
  }

  // ---------------------------------------------------------------------------------------------------- connections

  /** One connection, to its end. @returns {Promise<Error | null>} why there is none any more */
  async #connected() {
    this.#error = null;
    /** @type {(code: number) => void} */
    let closed = () => {};
    const end = new Promise((resolve) => {
      closed = resolve;
    });
    try {
      const opened = await Connection.open(this.#api, { message: (message) => this.#take(message), closed });
      if (this.#over) return (opened.close(), null);
      this.#connection = opened;
    } catch (error) {
      if (error instanceof Refused) return error;
      throw error;
    }
    this.#begin(this.#connection);
    await end;
    this.#connection = null;
    this.#cursor = null;
    this.#measureConnection();
    return this.#error ?? (this.#everConnected ? null : new Refused(null));
  }

  /** It has ended. One that was well ends a row of failures, unless it failed itself: an engine may take long to. */
  #measureConnection() {
    const well = this.#since !== null && this.#backoff.lasted((performance.now() - this.#since) / 1000);
    if (well && this.#error?.code !== "engine_failed") this.#failures = 0;
    this.#since = null;
  }

  /** @param {Connection} connection */
  #begin(connection) {
    if (this.#failures >= MOST_FAILURES && this.resumption.token !== undefined) {
      this.#failures = 0;
      this.#beginPart();
    }
    if (this.resumption.token === undefined) return this.#configure(connection);
    const start = this.#sound.start / this.#options.rate;
    connection.send({ type: "session.resume", resumption: this.resumption, audio_start: start });
  }

  /** @param {Connection} connection that is a session: sound may be sent once it knows which */
  #configure(connection) {
    const { rate, keywords } = this.#options;
    const input = {
      format: { type: "audio/pcm", rate },
      transcription: { keywords },
      turn_detection: { type: "server_vad" },
    };
    connection.send({
      type: "session.update",
      session: { type: "transcription", include: [HYPOTHESIS], audio: { input } },
    });
    this.#everConnected = true;
    this.#loading = false;
    this.#since ??= performance.now();
    if (this.#finishing) this.#limit();
    this.#tell.state(this.#finishing ? "finishing" : "listening");
    this.#owed.connected();
    this.#cursor = this.#sound.start;
    this.#pump();
  }

  /** The server does not go on with the session: what is not settled is said in a new one. */
  #beginPart() {
    this.resumption = {};
    this.#sound.forget(Math.round(this.#script.settled * this.#options.rate));
    this.#script.beginPart(this.#sound.start / this.#options.rate);
    this.#sound.beginAnew();
    this.#owed = new Owed();
    this.#newest = 0;
  }

  // ----------------------------------------------------------------------------------------------------- what is sent

  #pump() {
    const connection = this.#connection;
    if (connection === null || this.#cursor === null || this.#pumping) return;
    while (connection.waiting < MOST_WAITING) {
      const samples = this.#sound.from(this.#cursor);
      if (samples === null) break;
      connection.sendSound(samples);
      this.#cursor += samples.length;
    }
    if (this.#cursor < this.#sound.end) {
      this.#pumping = setTimeout(() => {
        this.#pumping = 0;
        this.#pump();
      }, PUMP_MILLISECONDS);
    } else if (this.#finishing && this.#owed.ask()) {
      connection.send({ type: "input_audio_buffer.commit" });
      connection.send({ type: "session.update", session: {} });
    }
  }

  // ------------------------------------------------------------------------------------------------------ what is told

  /** @param {Message} message */
  #take(message) {
    if (this.#over) return;
    const { type } = message;
    if (type === "error") this.#fail(message.error);
    else if (type === "session.resumed" && this.#connection) this.#configure(this.#connection);
    else if (type === "session.resumption_update") this.#note(message);
    else if (type === `${TRANSCRIPTION}segment`) this.#close(message);
    else if (type === `${TRANSCRIPTION}hypothesis`) this.#suppose(message);
    else this.#owed.take(message);
    if (this.#finishing && this.#owed.isPaid) this.end();
  }

  /** @param {Message} message */
  #close({ id, start, end, text, speaker }) {
    this.#script.close({ id, start, end, text, speaker });
    this.#measure(end);
  }

  /** @param {Message} message */
  #suppose({ segments }) {
    this.#script.suppose(segments);
    this.#measure(segments.at(-1)?.end ?? 0);
  }

  /** Words have come. @param {number} end of them, in seconds of the session */
  #measure(end) {
    if (end <= this.#newest) return; // told again on another connection: it is no further than the one before
    this.#backoff.reset();
    this.#failures = 0;
    this.#newest = end;
    this.#tell.delay(Math.max(this.position - end, 0));
    if (this.#finishing) this.#limit(true);
  }

  /** All that was told so far is safe. @param {Message} message */
  #note({ resumption, audio_start }) {
    Object.assign(this.resumption, resumption);
    this.#script.settle();
    this.#owed.settle();
    this.#sound.forget(Math.round(audio_start * this.#options.rate));
  }

  /** @param {{code: string | null, message: string}} error */
  #fail({ code, message }) {
    if (code?.startsWith("resume_") && this.#connection) {
      this.#beginPart();
      this.#configure(this.#connection);
    } else if (code !== null && endsConnection(code)) {
      this.#error = new SessionError(code, message);
    } else if (code !== "input_audio_buffer_commit_empty") {
      this.#tell.complaint(message);
    }
  }
}

/** @param {number} seconds */
function later(seconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, 1000 * seconds);
  });
}
