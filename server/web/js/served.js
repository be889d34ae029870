/** Which model answers here, and what a newcomer has to know about it. */
import { byId, el } from "./dom.js";
import { ApiError, unreachable } from "./api.js";

/**
 * @param {import("./shared.js").Shared} shared
 */
export async function tellServed(shared) {
  const model = await served(shared);
  if (model === null) return;
  byId("served").replaceChildren(el("span", { t: "served.model", values: { model: model.root } }));
  if (model.root === "tiny") {
    const notice = el(
      "aside",
      { class: "notice" },
      el("p", {}, el("strong", { t: "tiny.title" }), " ", el("span", { t: "tiny.text" })),
      el("p", {}, el("span", { t: "tiny.cure" }), " ", el("code", {}, "vibevoice-asr-server --model microsoft/VibeVoice-ASR-HF"), " ", el("span", { t: "tiny.clone" }), " ", el("code", {}, "make serve MODEL=microsoft/VibeVoice-ASR-HF")),
    );
    byId("notices").append(notice);
    const words = await vocabulary(shared);
    if (words !== null) notice.append(words);
  }
}

/**
 * All that the bundled model knows, by kind; to unfold.
 *
 * @param {import("./shared.js").Shared} shared
 */
async function vocabulary({ api, complain }) {
  try {
    const answer = await api.request("/web/samples/words.json");
    const kinds = Object.entries(/** @type {Record<string, string[]>} */ (await answer.json()));
    const words = new Set(kinds.flatMap(([, said]) => said.flatMap((each) => each.split(" ")))).size;
    return el(
      "details",
      { class: "vocabulary" },
      el("summary", { t: "tiny.words", values: { words } }),
      el("dl", {}, ...kinds.flatMap(([kind, said]) => [el("dt", { t: `tiny.words.${kind}` }), el("dd", { lang: "en" }, said.join(", "))])),
    );
  } catch (error) {
    complain(error instanceof Error ? error.message : unreachable().message);
    return null;
  }
}

/**
 * @param {import("./shared.js").Shared} shared
 * @returns {Promise<{root: string} | null>} null where the server does not say
 */
async function served({ api, complain }) {
  try {
    return (await (await api.request("/v1/models")).json()).data[0];
  } catch (error) {
    if (error instanceof ApiError && error.status !== 401) complain(error.message);
    return null;
  }
}
