/** Keeps the screen on while somebody is heard: a phone that goes to sleep hears nothing. */

export class WakeLock {
  /** @type {Promise<WakeLockSentinel | null> | null} */
  #lock = null;

  constructor() {
    document.addEventListener("visibilitychange", () => {
      if (this.#lock !== null && document.visibilityState === "visible") this.take(); // the browser lets go of it
    });
  }

  take() {
    this.#lock = navigator.wakeLock?.request("screen").catch(() => null) ?? null;
  }

  release() {
    void this.#lock?.then((lock) => lock?.release());
    this.#lock = null;
  }
}
