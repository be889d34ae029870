/** What was said stays as it is over lost connections, other sessions and reloads. */
import assert from "node:assert/strict";
import test from "node:test";

import { Script } from "../../../server/web/js/live/script.js";
import { Backoff } from "../../../server/web/js/live/session/backoff.js";
import { Owed } from "../../../server/web/js/live/session/owed.js";

const closed = (number, text, speaker = "A") => ({ id: `seg_${number}`, start: number, end: number + 1, speaker, text });
const open = (number, text, tentative) => ({ ...closed(number, text), tentative });
const shown = (script) => [
  ...script.closed.map(({ text }) => text),
  ...script.open.map(({ text, tentative }) => `${text}(${tentative})`),
];

test("a segment is open, then closed, and stands there once", () => {
  const script = new Script();
  script.suppose([open(0, "Who", " is"), open(1, "", "Me")]);
  assert.deepEqual(shown(script), ["Who( is)", "(Me)"]);
  script.close(closed(0, "Who is there?"));
  assert.deepEqual(shown(script), ["Who is there?", "(Me)"]);
  script.suppose([]);
  assert.deepEqual(shown(script), ["Who is there?"]);
});

test("what a lost connection told behind its token is shown as open until it is told again", () => {
  const script = new Script();
  script.close(closed(0, "One."));
  script.settle();
  script.close(closed(1, "Two."));
  script.suppose([open(2, "Th", "ree")]);
  script.recall();
  assert.deepEqual(shown(script), ["One.", "Two.()", "Th(ree)"]);
  script.close(closed(1, "Two."));
  assert.deepEqual(shown(script), ["One.", "Two.", "Th(ree)"]);
  script.suppose([open(2, "Three", "")]);
  assert.deepEqual(shown(script), ["One.", "Two.", "Three()"]);
});

test("what is not told again goes when all was told", () => {
  const script = new Script();
  script.suppose([open(0, "", "One"), open(1, "", "noise")]);
  script.recall();
  script.settle();
  assert.equal(script.open.length, 2, "nothing came yet");
  script.close(closed(0, "One."));
  script.settle();
  assert.deepEqual(shown(script), ["One."]);
});

test("another session follows the one before, and its speakers are others", () => {
  const script = new Script();
  script.close(closed(0, "One."));
  script.settle();
  script.suppose([open(1, "", "two")]);
  script.recall();
  script.beginPart(script.settled);
  assert.deepEqual(shown(script), ["One.", "(two)"]);
  script.close(closed(0, "Two."));
  script.settle();
  assert.deepEqual(shown(script), ["One.", "Two."]);
  assert.deepEqual(script.closed[1], { id: "seg_0.2", start: 1, end: 2, speaker: "A2", text: "Two." });
  assert.equal(script.settled, 1);
  script.beginPart(5);
  script.close(closed(0, "Three."));
  assert.deepEqual(script.closed[2], { id: "seg_0.3", start: 6, end: 7, speaker: "A3", text: "Three." });
});

test("a session that was lost before its first token is told again whole", () => {
  const script = new Script();
  script.close(closed(0, "One."));
  script.recall();
  script.close(closed(0, "One."));
  assert.deepEqual(shown(script), ["One."]);
});

test("a reload keeps all that was shown, and what goes on is not said twice", () => {
  const script = new Script();
  script.close(closed(0, "One."));
  script.suppose([open(1, "Two", " things"), open(2, "", " ")]);
  const restored = new Script();
  restored.restore(JSON.parse(JSON.stringify(script.state)));
  assert.deepEqual(shown(restored), ["One.", "Two things"]);
  restored.close(closed(1, "Two things are left."));
  assert.deepEqual(shown(restored), ["One.", "Two things are left."]);
});

test("the last words are waited for, those of items and those of the last commit", () => {
  const owed = new Owed();
  const updated = { type: "session.updated" };
  const committed = (item) => ({ type: "input_audio_buffer.committed", item_id: item });
  const done = (item) => ({ type: "conversation.item.done", item: { id: item } });
  owed.connected();
  owed.take(updated);
  owed.take(committed("a"));
  owed.settle();
  owed.take(done("a"));
  assert.equal(owed.isPaid, false, "nobody asked");
  assert.ok(owed.ask());
  assert.equal(owed.ask(), false, "once a connection");
  owed.recall();
  owed.connected();
  owed.take(updated);
  assert.ok(owed.ask());
  owed.take(committed("b"));
  owed.take(updated);
  assert.equal(owed.isPaid, false);
  owed.take(done("a"));
  assert.equal(owed.isPaid, false);
  owed.settle();
  owed.take(done("b"));
  assert.equal(owed.isPaid, false, "the token that comes behind it is what the session can go on with");
  owed.settle();
  assert.equal(owed.isPaid, true);
});

test("attempts are made less and less often, and as late as the server asks", () => {
  const backoff = new Backoff();
  const waits = Array.from({ length: 8 }, () => backoff.next(0));
  assert.ok(waits[0] < 0.4 && waits.at(-1) > 2 && waits.every((wait) => wait < 4), String(waits));
  assert.ok(backoff.next(10) >= 7.5);
  backoff.reset();
  assert.ok(backoff.next(0) < 0.4);
});

test("a connection that was well for a while is tried again soon, one that was dropped at once is not", () => {
  const backoff = new Backoff();
  for (let drop = 0; drop < 5; drop++) {
    assert.equal(backoff.lasted(0.1), false);
    backoff.next(0);
  }
  backoff.lasted(0.1);
  assert.ok(backoff.next(0) > 2);
  assert.equal(backoff.lasted(3.1), true);
  assert.ok(backoff.next(0) < 0.4);
});
