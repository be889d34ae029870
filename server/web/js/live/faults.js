/** Why nothing is heard, or not any more, in words that say what helps. */
import { Refused } from "./session/connection.js";
import { NoSound } from "./sound/sources.js";

/**
 * @param {unknown} fault
 * @param {import("../shared.js").Shared["t"]} t
 * @returns {string}
 */
export function inWords(fault, t) {
  if (fault instanceof NoSound) return t(fault.key);
  if (!(fault instanceof Refused)) return fault instanceof Error ? fault.message : String(fault);
  const { reason, retryAfter } = fault;
  if (reason === null) return t("live.fault.noWebSocket");
  return retryAfter > 0 ? `${reason.message} ${t("live.fault.again", { seconds: retryAfter })}` : reason.message;
}
