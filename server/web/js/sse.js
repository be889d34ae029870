/**
 * Server-sent events out of a text that grows.
 *
 * @typedef {object} ServerEvent
 * @property {string} id "" where the event has none
 * @property {any} data
 */

/** Reads a stream piece by piece; what is no whole event yet waits for the next piece. */
export class EventReader {
  #rest = "";

  /**
   * @param {string} piece
   * @returns {ServerEvent[]} events that it completes
   */
  read(piece) {
    const blocks = (this.#rest + piece).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.map(parse).filter((event) => event !== null);
  }
}

/**
 * @param {string} block
 * @returns {ServerEvent | null} null for a comment
 */
function parse(block) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const line of block.split("\n")) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name) fields[name] = name in fields ? `${fields[name]}\n${value}` : value;
  }
  return fields.data ? { id: fields.id ?? "", data: JSON.parse(fields.data) } : null;
}
