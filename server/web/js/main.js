/** The page: its language, its tabs, and what is true of all of them. */
import { byId, el } from "./dom.js";
import { LANGUAGES, currentLanguage, preferredLanguage, useLanguage } from "./i18n.js";
import { watchKey } from "./key.js";
import { tellServed } from "./served.js";
import { makeShared } from "./shared.js";

/** @typedef {import("./shared.js").Shared} Shared */

/** @type {Record<string, () => Promise<{mount: (section: HTMLElement, shared: Shared) => void}>>} */
const TABS = {
  transcribe: () => import("./recordings/tab.js"),
  live: () => import("./live/tab.js"),
  jobs: () => import("./jobs/tab.js"),
};

await useLanguage(preferredLanguage());
const shared = makeShared();
offerLanguages();
watchKey(shared.api);
/** @type {Set<string>} */
const mounted = new Set();
window.addEventListener("hashchange", () => open(true));
await open(false);
await tellServed(shared);

/** @param {boolean} chosen by the reader just now */
async function open(chosen) {
  const wanted = location.hash.slice(1).split("/")[0];
  if (wanted === "main") return;
  const name = wanted in TABS ? wanted : "transcribe";
  for (const each of Object.keys(TABS)) byId(each).hidden = each !== name;
  for (const link of document.querySelectorAll(".tabs a")) {
    if (link.getAttribute("href") === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!mounted.has(name)) {
    mounted.add(name);
    try {
      const tab = await TABS[name]();
      tab.mount(byId(name), shared);
    } catch (error) {
      mounted.delete(name);
      shared.complain(shared.t("error.unreachable"));
      throw error;
    }
  }
  if (chosen) shared.say(shared.t(`tab.${name}`));
}

function offerLanguages() {
  const select = /** @type {HTMLSelectElement} */ (byId("language"));
  for (const [tag, name] of Object.entries(LANGUAGES)) {
    select.append(el("option", { value: tag, lang: tag, selected: tag === currentLanguage() }, name));
  }
  select.addEventListener("change", () => useLanguage(select.value, true));
}
