import assert from "node:assert/strict";
import { test } from "node:test";
import { latencyOf, prettyOf, sizeOf, timeOf } from "../src/overlay/figures.js";

test("times are of the day and have milliseconds", () => {
  assert.equal(timeOf(new Date(2026, 0, 2, 3, 4, 5, 6).getTime()), "03:04:05.006");
});

test("sizes and latencies fit their columns", () => {
  assert.deepEqual([sizeOf(0), sizeOf(999), sizeOf(65_536)], ["0 B", "999 B", "65.5 kB"]);
  assert.deepEqual([null, 0.4, -12, 999, 2400].map(latencyOf), ["", "0 ms", "-12 ms", "999 ms", "2.4 s"]);
});

test("a payload that was cut is shown as it came", () => {
  assert.equal(prettyOf('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}');
  assert.equal(prettyOf('{"a":[1'), '{"a":[1');
});
