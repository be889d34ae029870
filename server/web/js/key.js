/** The key field: opened by the first answer that says a key is missing, and by its button from then on. */
import { byId, el } from "./dom.js";

/** @param {import("./api.js").Api} api */
export function watchKey(api) {
  const button = byId("key-button");
  /** @type {Promise<boolean> | null} one dialog for however many requests were refused */
  let asking = null;
  /** @param {boolean} refused */
  const ask = (refused) => {
    button.hidden = false;
    asking ??= dialog(api, refused).finally(() => (asking = null));
    return asking;
  };
  api.askForKey = ask;
  button.addEventListener("click", () => ask(false));
  button.hidden = api.key === "";
}

/**
 * @param {import("./api.js").Api} api
 * @param {boolean} refused the key that there is
 * @returns {Promise<boolean>} whether a key was given
 */
function dialog(api, refused) {
  const field = el("input", { id: "key", type: "password", autocomplete: "off", spellcheck: "false", value: api.key });
  const cancel = el("button", { type: "button", t: "page.cancel", on: { click: () => shown.close() } });
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { t: "key.title", id: "key-title" }),
    el("p", { t: refused ? "key.refused" : "key.why" }),
    el("label", { for: "key", t: "key.label" }),
    field,
    el("p", { class: "small", t: "key.kept" }),
    el("div", { class: "row end" }, cancel, el("button", { class: "strong", value: "use", t: "key.use" })),
  );
  const shown = el("dialog", { "aria-labelledby": "key-title" }, form);
  document.body.append(shown);
  shown.showModal();
  field.focus();
  return new Promise((resolve) => {
    shown.addEventListener("close", () => {
      const given = shown.returnValue === "use";
      if (given) api.key = field.value.trim();
      shown.remove();
      resolve(given);
    });
  });
}
