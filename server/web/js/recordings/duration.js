/** How long a recording lasts, as far as the browser can tell without decoding it. */

const PATIENCE = 20000;

/**
 * @param {Blob} sound
 * @returns {Promise<number | null>} seconds
 */
export function durationOf(sound) {
  const url = URL.createObjectURL(sound);
  const audio = new Audio();
  let timer = 0;
  return new Promise((/** @type {(seconds: number | null) => void} */ resolve) => {
    timer = window.setTimeout(() => resolve(null), PATIENCE);
    const tell = () => {
      if (Number.isFinite(audio.duration)) resolve(audio.duration);
      else audio.currentTime = 1e7; // what a microphone's file lasts is known at its end alone
    };
    audio.addEventListener("loadedmetadata", tell);
    audio.addEventListener("durationchange", () => Number.isFinite(audio.duration) && resolve(audio.duration));
    audio.addEventListener("error", () => resolve(null));
    audio.preload = "metadata";
    audio.src = url;
  }).finally(() => {
    window.clearTimeout(timer);
    audio.removeAttribute("src");
    audio.load();
    URL.revokeObjectURL(url);
  });
}
