/** Why a connection ended, and what that means for its session. */
import { Refused } from "./connection.js";

const HOPELESS = new Set([400, 401, 403, 404]);
/** Statuses that trying again does not change. */
const FINAL = new Set(["rate_limit_exceeded", "bad_audio"]);
/** Errors of a session that end it for good. */
const PASSING = new Set(["engine_failed", "shutting_down", "idle", "too_slow", "session_expired"]);
/** Those behind which it goes on, with another connection. */
const LOADING = "model_not_ready";

/** What the server said last, in its words. */
export class SessionError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * Whether the connection is over with this error of the server.
 *
 * @param {string} code
 */
export function endsConnection(code) {
  return FINAL.has(code) || PASSING.has(code);
}

/**
 * There is no model yet that could hear anything.
 *
 * @param {Error | null} because
 */
export function isLoading(because) {
  return because instanceof Refused && because.reason?.code === LOADING;
}

/**
 * Another connection would do no better.
 *
 * @param {Error | null} because
 * @param {boolean} everConnected a session that never was is not tried for, unless it is a matter of time
 */
export function isHopeless(because, everConnected) {
  if (because instanceof SessionError) return FINAL.has(because.code);
  if (because instanceof Refused && HOPELESS.has(because.reason?.status ?? 0)) return true;
  return !everConnected && !isLoading(because);
}
