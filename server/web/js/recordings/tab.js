/** The tab for recordings: where they come from, those that there are, and the one that is open. */
import { el } from "../dom.js";
import { Intake } from "../intake/intake.js";
import { list } from "./list.js";
import { Recordings } from "./recordings.js";
import { Workspace } from "./workspace.js";

/** @type {Recordings | null} */
let recordings = null;

/**
 * Those of the page; the tab for jobs opens some in them.
 *
 * @param {import("../shared.js").Shared} shared
 */
export function recordingsOf(shared) {
  if (recordings === null) {
    recordings = new Recordings(shared);
    recordings.restore();
  }
  return recordings;
}

/**
 * @param {HTMLElement} section
 * @param {import("../shared.js").Shared} shared
 */
export function mount(section, shared) {
  const all = recordingsOf(shared);
  const intake = new Intake(shared, (files, wishes, open) => all.add(files, wishes, open));
  const workspace = new Workspace(all, shared);
  section.append(
    el("div", { class: "lead" }, el("h1", { id: "transcribe-title", t: "transcribe.title" }), el("p", { class: "soft", t: "transcribe.lead" })),
    intake.element,
    list(all),
    workspace.element,
  );
  intake.recoverRecording();
}
