/** The jobs of the server that are this reader's: how far each is, and what can be done about it. */
import { ApiError } from "../api.js";
import { el } from "../dom.js";
import { recordingsOf } from "../recordings/tab.js";
import { clock, moment, span } from "../times.js";

/**
 * @typedef {import("../shared.js").Shared} Shared
 *
 * @typedef {object} Job
 * @property {string} id
 * @property {"queued" | "in_progress" | "completed" | "failed" | "cancelled" | "expired"} status
 * @property {number} created_at
 * @property {string | null} filename
 * @property {{audio_seconds: number | null, audio_seconds_done: number, seconds_left: number | null}} progress
 * @property {{message: string} | null} error
 * @property {{audio?: string | null}} links
 */

/** Milliseconds between two looks while some are in work and the tab is seen. */
const OFTEN = 2000;
const PAGE = 20;

/**
 * @param {HTMLElement} section
 * @param {Shared} shared
 */
export function mount(section, shared) {
  new JobsTab(section, shared).look();
}

class JobsTab {
  #timer = 0;
  #limit = PAGE;

  /**
   * @param {HTMLElement} section
   * @param {Shared} shared
   */
  constructor(section, shared) {
    this.section = section;
    this.shared = shared;
    this.list = el("ul", { class: "rows" });
    this.words = el("p", { class: "soft", t: "jobs.looking" });
    this.more = el("button", { type: "button", t: "jobs.more", hidden: true, on: { click: () => this.#further() } });
    section.append(
      el("div", { class: "lead" }, el("h1", { id: "jobs-title", t: "jobs.title" }), el("p", { class: "soft", t: "jobs.lead" })),
      this.words,
      this.list,
      this.more,
    );
    window.addEventListener("hashchange", () => this.look());
    document.addEventListener("visibilitychange", () => this.look());
    document.addEventListener("translated", () => this.look());
  }

  /** Ask for them, and again after a while as long as there is something to wait for. */
  async look() {
    window.clearTimeout(this.#timer);
    if (this.section.hidden || document.hidden) return;
    try {
      const found = await (await this.shared.api.request(`/v1/jobs?limit=${this.#limit}`)).json();
      this.#show(found.data, found.has_more);
      const moving = found.data.some((/** @type {Job} */ job) => job.status === "queued" || job.status === "in_progress");
      if (moving) this.#timer = window.setTimeout(() => this.look(), OFTEN);
    } catch (error) {
      this.#explain(error);
    }
  }

  #further() {
    this.#limit = Math.min(100, this.#limit + PAGE);
    this.look();
  }

  /**
   * @param {Job[]} jobs
   * @param {boolean} more
   */
  #show(jobs, more) {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.act;
    this.words.hidden = jobs.length > 0;
    this.words.replaceChildren(el("span", { t: "jobs.none" }));
    this.more.hidden = !more || this.#limit >= 100;
    this.list.replaceChildren(...jobs.map((job) => this.#row(job)));
    if (focused) /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-act="${CSS.escape(focused)}"]`))?.focus();
  }

  /** @param {Job} job */
  #row(job) {
    const name = job.filename ?? job.id;
    const ended = job.status !== "queued" && job.status !== "in_progress";
    const { audio_seconds: length, audio_seconds_done: done, seconds_left: left } = job.progress;
    const bar = el("progress", { max: "1", label: "list.progress", values: { name } });
    if (length) bar.value = done / length;
    bar.hidden = ended;
    const facts = [moment(1000 * job.created_at), length === null ? null : clock(length), left === null || ended ? null : `≈ ${span(left)}`];
    const can = job.status !== "expired" && job.status !== "failed" && job.status !== "cancelled";
    return el(
      "li",
      { class: "row-item", "data-state": job.status },
      el(
        "div",
        { class: "row-what" },
        el("button", { type: "button", class: "open", disabled: !can, "data-act": `open ${job.id}`, on: { click: () => this.#open(job) } }, name),
        el(
          "div",
          { class: "row-facts" },
          el("span", { class: "small state", t: `job.${job.status}` }),
          el("span", { class: "small" }, facts.filter((fact) => fact !== null).join(" · ")),
        ),
        job.error ? el("p", { class: "small" }, job.error.message) : null,
        bar,
      ),
      el(
        "div",
        { class: "row-tools" },
        ended ? null : this.#button("list.cancel", `cancel ${job.id}`, name, () => this.#do(`/v1/jobs/${job.id}/cancel`, "POST")),
        ended ? this.#button("list.remove", `delete ${job.id}`, name, () => this.#do(`/v1/jobs/${job.id}`, "DELETE")) : null,
      ),
    );
  }

  /**
   * @param {string} key
   * @param {string} act
   * @param {string} name
   * @param {() => void} click
   */
  #button(key, act, name, click) {
    const words = [el("span", { t: key }), el("span", { class: "unseen" }, ` ${name}`)];
    return el("button", { type: "button", class: "quiet", "data-act": act, on: { click } }, ...words);
  }

  /** @param {Job} job */
  #open(job) {
    location.hash = "#transcribe";
    recordingsOf(this.shared).adopt(job);
  }

  /**
   * @param {string} path
   * @param {string} method
   */
  async #do(path, method) {
    try {
      await this.shared.api.request(path, { method });
    } catch (error) {
      if (error instanceof Error) this.shared.complain(error.message);
    }
    this.look();
  }

  /** @param {unknown} error */
  #explain(error) {
    const off = error instanceof ApiError && error.code === "jobs_not_enabled";
    this.list.replaceChildren();
    this.words.hidden = false;
    if (off) this.words.replaceChildren(el("span", { t: "jobs.off" }), " ", el("code", {}, "vibevoice-asr-server --jobs-folder ~/vibevoice-jobs"));
    else this.words.replaceChildren(error instanceof Error ? error.message : String(error));
  }
}
