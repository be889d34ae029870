/**
 * One upload, with what only XMLHttpRequest tells: how much of the body has left. Its answer is read while it comes.
 */
import { errorOf, unreachable } from "./api.js";

/**
 * @typedef {object} Upload
 * @property {string} url
 * @property {FormData} body
 * @property {Record<string, string>} headers
 * @property {AbortSignal} signal
 * @property {(sent: number, total: number) => void} onSent bytes
 * @property {(piece: string) => void} [onPiece] more of the answer, where it is a success
 */

/**
 * The whole answer, when it is there.
 *
 * @param {Upload} upload
 * @returns {Promise<string>}
 * @throws {import("./api.js").ApiError}
 * @throws {DOMException} "AbortError" when the signal says so
 */
export function send({ url, body, headers, signal, onSent, onPiece }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let read = 0;
    const more = () => {
      if (request.status < 200 || request.status > 299) return;
      const piece = request.responseText.slice(read);
      read += piece.length;
      if (piece) onPiece?.(piece);
    };
    const abort = () => request.abort();
    const end = (/** @type {() => void} */ settle) => {
      signal.removeEventListener("abort", abort);
      settle();
    };
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => onSent(event.loaded, event.total));
    request.addEventListener("progress", more);
    request.addEventListener("load", () => {
      more();
      const good = request.status >= 200 && request.status < 300;
      end(() => (good ? resolve(request.responseText) : reject(errorOf(request.status, request.responseText))));
    });
    request.addEventListener("error", () => end(() => reject(unreachable())));
    request.addEventListener("abort", () => end(() => reject(new DOMException("cancelled", "AbortError"))));
    if (signal.aborted) {
      reject(new DOMException("cancelled", "AbortError"));
      return;
    }
    signal.addEventListener("abort", abort);
    request.send(body);
  });
}
