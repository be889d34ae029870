/**
 * What every tab of the page has: words, the server, and the places where the reader is told something.
 *
 * @typedef {import("./transcript/segments.js").Segment} Segment
 * @typedef {object} Shared
 * @property {(key: string, values?: Record<string, string | number>) => string} t
 * @property {Api} api
 * @property {(text: string) => void} say tells a screen reader, and nobody else, how things stand
 * @property {(text: string) => void} complain shows what went wrong until the reader puts it away
 * @property {Speakers} speakers those of the live tab; every recording has its own
 * @property {(container: HTMLElement) => TranscriptView} transcript a conversation to read, hear and correct
 */
import { Api } from "./api.js";
import { byId, el } from "./dom.js";
import { t } from "./i18n.js";
import { Speakers } from "./speakers.js";
import { TranscriptView } from "./transcript/view.js";

/** @returns {Shared} */
export function makeShared() {
  return {
    t,
    api: new Api(),
    say,
    complain,
    speakers: new Speakers(),
    transcript: (container) => new TranscriptView(container),
  };
}

/** @param {string} text */
function say(text) {
  byId("status").textContent = text;
}

/** @param {string} text */
function complain(text) {
  const alerts = byId("alerts");
  for (const shown of alerts.children) {
    if (shown.firstChild?.textContent === text) shown.remove();
  }
  const close = el("button", { type: "button", class: "quiet", t: "page.close", on: { click: () => alert.remove() } });
  const alert = el("div", { class: "alert" }, el("p", {}, text), close);
  alerts.append(alert);
}
