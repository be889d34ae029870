/** One WebSocket of a live session, from the key that opens it to its end. */
import { ApiError, errorOf, unreachable } from "../../api.js";

const OPENED = "realtime";
const KEY_PREFIX = "openai-insecure-api-key.";
const SECRET_SECONDS = 60;
const REFUSED_NOTHING = 426;

/** @typedef {Record<string, any> & {type: string}} Message */

/** Why there is no connection. */
export class Refused extends Error {
  /**
   * @param {ApiError | null} cause what the server says; null where a handshake fails that it would not refuse
   * @param {number} retryAfter seconds; 0 where nothing is said
   */
  constructor(cause, retryAfter = 0) {
    super(cause?.message, { cause });
    this.reason = cause;
    this.retryAfter = retryAfter;
  }
}

export class Connection {
  #socket;

  /**
   * @param {import("../../api.js").Api} api
   * @param {{message: (message: Message) => void, closed: (code: number) => void}} tell
   * @returns {Promise<Connection>} open
   * @throws {Refused}
   */
  static async open(api, tell) {
    const secret = await clientSecret(api);
    const url = api.url("/v1/realtime?resume=true").replace(/^http/, "ws");
    const socket = new WebSocket(url, [OPENED, KEY_PREFIX + secret]);
    const opened = await new Promise((resolve) => {
      socket.onopen = () => resolve(true);
      socket.onclose = () => resolve(false);
    });
    if (!opened) throw await whyRefused(api);
    return new Connection(socket, tell);
  }

  /**
   * @param {WebSocket} socket open
   * @param {{message: (message: Message) => void, closed: (code: number) => void}} tell
   */
  constructor(socket, tell) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => tell.message(JSON.parse(data));
    socket.onclose = ({ code }) => tell.closed(code);
  }

  /** Bytes that the network has not taken yet. */
  get waiting() {
    return this.#socket.bufferedAmount;
  }

  /** @param {Message} message */
  send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** @param {Int16Array<ArrayBuffer>} samples */
  sendSound(samples) {
    this.send({ type: "input_audio_buffer.append", audio: base64(samples) });
  }

  /** Nothing is told any more. */
  close() {
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(1000);
  }
}

/**
 * What a page opens a session with: it works nowhere else, and not for long.
 *
 * @param {import("../../api.js").Api} api
 * @returns {Promise<string>}
 */
async function clientSecret(api) {
  const body = JSON.stringify({ expires_after: { anchor: "created_at", seconds: SECRET_SECONDS } });
  const headers = { "content-type": "application/json" };
  try {
    const answer = await api.request("/v1/realtime/client_secrets", { method: "POST", headers, body });
    return (await answer.json()).value;
  } catch (error) {
    throw error instanceof ApiError ? new Refused(error) : error;
  }
}

/**
 * Browsers do not say what a handshake was answered, so the server is asked.
 *
 * @param {import("../../api.js").Api} api
 */
async function whyRefused(api) {
  try {
    const answer = await fetch(api.url("/v1/realtime"), { headers: api.headers });
    if (answer.status === REFUSED_NOTHING) return new Refused(null);
    return new Refused(errorOf(answer.status, await answer.text()), Number(answer.headers.get("retry-after") ?? 0));
  } catch {
    return new Refused(unreachable());
  }
}

/** @param {Int16Array<ArrayBuffer>} samples */
function base64(samples) {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
