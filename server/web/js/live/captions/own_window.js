/** A window with captions and nothing else: above all others where the browser can do that, else one like any other. */
import { t } from "../../i18n.js";

const SIZE = { width: 960, height: 320 };
const STYLES = ["base", "said", "captions"];

/**
 * @param {import("./stage.js").CaptionStage} stage goes with the window
 * @returns {Promise<boolean>} whether there is a window
 */
export async function openOwnWindow(stage) {
  const opened = (await aboveAll()) ?? window.open("", "captions", `popup,width=${SIZE.width},height=${SIZE.height}`);
  if (opened === null) return false;
  const { document: page } = opened;
  page.title = t("live.captions");
  page.documentElement.lang = document.documentElement.lang;
  page.head.replaceChildren(...STYLES.map((name) => style(page, name)));
  page.body.className = "captions-only";
  page.body.replaceChildren(stage.element);
  opened.addEventListener("resize", () => stage.fit());
  opened.addEventListener("pagehide", () => stage.remove());
  window.addEventListener("pagehide", () => opened.close());
  return true;
}

/** @returns {Promise<Window | null>} */
async function aboveAll() {
  const pictures = /** @type {{requestWindow(size: object): Promise<Window>} | undefined} */ (
    Reflect.get(window, "documentPictureInPicture")
  );
  try {
    return (await pictures?.requestWindow(SIZE)) ?? null;
  } catch {
    return null;
  }
}

/**
 * @param {Document} page
 * @param {string} name
 */
function style(page, name) {
  const link = page.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL(`../../../css/${name}.css`, import.meta.url).href;
  return link;
}
