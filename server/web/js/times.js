/** Times and sizes as people read them. */
import { currentLanguage, t } from "./i18n.js";

/**
 * 75 → "1:15", 3675 → "1:01:15".
 *
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/**
 * "12 s", "3 min", "1 h 5 min": how long something takes or lasts.
 *
 * @param {number} seconds
 */
export function span(seconds) {
  if (seconds < 59.5) return t("time.seconds", { value: Math.max(1, Math.round(seconds)) });
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return t("time.minutes", { value: minutes });
  return t("time.hours", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/**
 * "3.4 MB".
 *
 * @param {number} bytes
 */
export function size(bytes) {
  const [unit, value] = bytes < 1e6 ? ["kilobyte", bytes / 1e3] : bytes < 1e9 ? ["megabyte", bytes / 1e6] : ["gigabyte", bytes / 1e9];
  const digits = value < 10 ? 1 : 0;
  const style = { style: /** @type {const} */ ("unit"), unit, maximumFractionDigits: digits };
  return new Intl.NumberFormat(currentLanguage(), style).format(value);
}

/**
 * "26 Nov, 14:05".
 *
 * @param {number} milliseconds of Unix time
 */
export function moment(milliseconds) {
  const how = /** @type {const} */ ({ day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
  return new Intl.DateTimeFormat(currentLanguage(), how).format(milliseconds);
}
