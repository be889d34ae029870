/** What was said stays for as long as the tab is open, over a reload too, and the session can go on from there. */

const KEPT = "live";

/**
 * @typedef {object} Kept
 * @property {import("./script.js").Kept} script
 * @property {import("../speakers.js").Speakers["state"]} speakers
 * @property {import("./session/live_session.js").Resumption} resumption
 * @property {number} position seconds of the session that were heard
 */

/**
 * @param {Kept} kept
 * @returns {boolean} whether there was room for it
 */
export function keep(kept) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
    return true;
  } catch {
    return false;
  }
}

export function forget() {
  sessionStorage.removeItem(KEPT);
}

/** @returns {Kept | null} */
export function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  } catch {
    return null;
  }
}
