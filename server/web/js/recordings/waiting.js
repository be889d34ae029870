/** A while, in which the reader may have enough of it. */

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 * @throws {DOMException} "AbortError" when the signal says so
 */
export function waited(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = window.setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer);
      reject(new DOMException("cancelled", "AbortError"));
    });
  });
}
