/** How high a waveform is drawn where the server tells how loud the recording is. */
import assert from "node:assert/strict";
import test from "node:test";

import { peaksOfLevels } from "../../../server/web/js/transcript/peaks.js";

test("the loudest place is as high as can be, and silence is not", () => {
  const [silent, soft, loud] = peaksOfLevels([-120, -26, -20]);
  assert.equal(loud, 1);
  assert.ok(Math.abs(soft - 0.5) < 0.01);
  assert.ok(silent < 0.001);
});

test("a recording in which nobody speaks is no noise", () => {
  assert.ok(Math.max(...peaksOfLevels([-90, -80, -85])) < 0.01);
});
