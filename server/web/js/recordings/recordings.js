/**
 * All recordings of this page, those of earlier visits included. It tells "change" when there are others, and "open"
 * when another one is to be shown.
 */
import * as store from "../store.js";
import { Recording } from "./recording.js";
import { transcribe } from "./transcribe.js";

/** So many are in work at once; the server shares its time among them, and the others wait. */
const AT_ONCE = 2;

export class Recordings extends EventTarget {
  /** @type {Recording[]} the newest first */
  list = [];
  /** @type {Recording | null} */
  opened = null;
  /** @type {Map<string, AbortController>} those in work, by their ids */
  #running = new Map();

  /** @param {import("../shared.js").Shared} shared */
  constructor(shared) {
    super();
    this.shared = shared;
  }

  /** Those that were kept. What was a job goes on; what was cut off by the reload says so. */
  async restore() {
    const kept = await store.all("recordings").catch(() => []);
    const restored = await Promise.all(kept.map((each) => Recording.restore(each)));
    this.list = [...this.list, ...restored.sort((one, other) => other.created - one.created)];
    for (const each of restored) {
      if (!each.ended && each.job === null) each.status = each.segments.length ? "stopped" : "waiting";
    }
    this.#tell();
    this.#start();
  }

  /**
   * More files, which are transcribed one after the other; the first of them is opened where nothing is.
   *
   * @param {File[]} files
   * @param {import("./recording.js").Wishes} wishes
   * @param {boolean} [open] the first of them in any case
   */
  async add(files, wishes, open = false) {
    const added = files.map((file) => Recording.of(file, wishes));
    this.list.unshift(...added.toReversed());
    this.#tell();
    if (open || this.opened === null) this.open(added[0]);
    for (const each of added) {
      await each.save();
      await each.saveSound();
    }
    this.#start();
    return added;
  }

  /**
   * A job that was made elsewhere.
   *
   * @param {{id: string, filename: string | null, created_at: number, links: {audio?: string | null}}} job
   */
  async adopt(job) {
    let found = this.list.find((each) => each.job === job.id);
    if (found === undefined) {
      found = new Recording(job.id, job.filename ?? job.id, 0, 1000 * job.created_at);
      found.job = job.id;
      found.status = "listening";
      this.list.unshift(found);
      await found.save();
      this.#tell();
      this.#start();
    }
    this.open(found);
    if (found.sound === null && job.links.audio) await this.#fetchSound(found);
  }

  /**
   * The sound of a job, where the server still has it. Nobody misses it who only reads.
   *
   * @param {Recording} recording
   */
  async #fetchSound(recording) {
    const answer = await this.shared.api.request(`/v1/jobs/${recording.job}/audio`).catch(() => null);
    if (answer === null) return;
    recording.sound = await answer.blob();
    await recording.saveSound();
    if (this.opened === recording) this.open(recording);
  }

  /** @param {Recording | null} recording */
  open(recording) {
    this.opened = recording;
    this.dispatchEvent(new Event("open"));
  }

  /**
   * From the beginning, or, where there is a job, from where it was.
   *
   * @param {Recording} recording
   */
  again(recording) {
    recording.status = recording.job === null ? "waiting" : "listening";
    recording.error = "";
    recording.changed();
    this.#start();
  }

  /**
   * Have no more done for it.
   *
   * @param {Recording} recording
   */
  cancel(recording) {
    const { job } = recording;
    recording.status = "stopped";
    recording.open = "";
    recording.changed("segments");
    this.#running.get(recording.id)?.abort();
    if (job !== null) this.shared.api.request(`/v1/jobs/${job}/cancel`, { method: "POST" }).catch(() => {});
  }

  /**
   * Nothing is kept of it in this browser, nor of its job at the server.
   *
   * @param {Recording} recording
   */
  async remove(recording) {
    if (!recording.ended) this.cancel(recording);
    const { job } = recording;
    if (job !== null) this.shared.api.request(`/v1/jobs/${job}`, { method: "DELETE" }).catch(() => {});
    this.list = this.list.filter((each) => each !== recording);
    if (this.opened === recording) this.open(null);
    this.#tell();
    await recording.forget();
  }

  #start() {
    const jobs = this.list.filter((each) => !each.ended && each.job !== null);
    const waiting = this.list.filter((each) => each.status === "waiting" && each.job === null).toReversed();
    const room = AT_ONCE - this.list.filter((each) => this.#running.has(each.id) && each.job === null).length;
    for (const each of [...jobs, ...waiting.slice(0, Math.max(0, room))]) this.#run(each);
  }

  /** @param {Recording} recording */
  async #run(recording) {
    if (this.#running.has(recording.id)) return;
    const stop = new AbortController();
    this.#running.set(recording.id, stop);
    await transcribe(recording, this.shared, stop.signal);
    this.#running.delete(recording.id);
    if (recording.status === "done") this.shared.say(this.shared.t("say.done", { name: recording.name }));
    if (recording.status === "failed") this.shared.say(`${recording.name}: ${recording.error}`);
    this.#start();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
