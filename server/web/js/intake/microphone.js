/** The microphone, and why there is none, in words. */
import { t } from "../i18n.js";

/**
 * @param {boolean} clean let the browser take away echo and noise, and even out the level
 * @returns {Promise<MediaStream>}
 * @throws {Error} see `microphoneTrouble`
 */
export async function openMicrophone(clean) {
  if (!navigator.mediaDevices) throw new DOMException("insecure", "SecurityError");
  const audio = { echoCancellation: clean, noiseSuppression: clean, autoGainControl: clean };
  return navigator.mediaDevices.getUserMedia({ audio });
}

/**
 * What to tell the reader.
 *
 * @param {unknown} error
 */
export function microphoneTrouble(error) {
  const name = error instanceof Error ? error.name : "";
  if (!window.isSecureContext) return t("microphone.insecure", { origin: location.origin, port: location.port || "80" });
  if (name === "NotAllowedError") return t("microphone.denied");
  if (name === "NotFoundError") return t("microphone.none");
  return t("microphone.failed", { reason: error instanceof Error ? error.message : String(error) });
}
