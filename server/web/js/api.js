/** The server, as the page calls it: with the reader's key where there is one, and with failures in words. */
import { t } from "./i18n.js";

const KEPT = "key";

/** Why a call failed, in words that may be shown. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} status of HTTP; 0 where there was no answer
   * @param {string} code as the server names it, "unreachable" where there was no answer
   */
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * What an answer that is no success says.
 *
 * @param {number} status
 * @param {string} body
 */
export function errorOf(status, body) {
  try {
    const { message, code } = JSON.parse(body).error;
    return new ApiError(message, status, code ?? "error");
  } catch {
    const known = { 413: "error.tooLarge", 502: "error.gateway", 503: "error.gateway", 504: "error.gateway" };
    const key = known[/** @type {keyof typeof known} */ (status)] ?? "error.status";
    return new ApiError(t(key, { status: String(status) }), status, "error");
  }
}

/** No answer came at all. */
export function unreachable() {
  return new ApiError(t("error.unreachable"), 0, "unreachable");
}

export class Api {
  constructor() {
    /** Where the server is, however it is mounted. */
    this.root = new URL("../../", import.meta.url);
    /** @type {(refused: boolean) => Promise<boolean>} asks the reader for a key; whether there is a new one */
    this.askForKey = async () => false;
  }

  /** The key of the key field, for as long as the tab is open; "" for none. */
  get key() {
    return sessionStorage.getItem(KEPT) ?? "";
  }

  set key(value) {
    if (value) sessionStorage.setItem(KEPT, value);
    else sessionStorage.removeItem(KEPT);
  }

  /** @returns {Record<string, string>} what a request carries */
  get headers() {
    return this.key ? { authorization: `Bearer ${this.key}` } : {};
  }

  /**
   * @param {string} path from the server's root: "/v1/models"
   * @returns {string}
   */
  url(path) {
    return new URL(path.replace(/^\//, ""), this.root).href;
  }

  /**
   * An answer that is a success. Asks for a key where the server wants one, and tries again with it.
   *
   * @param {string} path from the server's root
   * @param {RequestInit & {headers?: Record<string, string>}} [init]
   * @returns {Promise<Response>}
   * @throws {ApiError}
   */
  async request(path, init = {}) {
    const answer = await this.#once(path, init);
    if (answer.ok) return answer;
    if (answer.status === 401 && (await this.askForKey(this.key !== ""))) return this.request(path, init);
    throw errorOf(answer.status, await answer.text());
  }

  /**
   * @param {string} path
   * @param {RequestInit & {headers?: Record<string, string>}} init
   */
  async #once(path, init) {
    try {
      return await fetch(this.url(path), { ...init, headers: { ...init.headers, ...this.headers } });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw unreachable();
    }
  }
}
