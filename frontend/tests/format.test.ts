import assert from "node:assert/strict";
import { test } from "node:test";
import { commandFor } from "../src/demo/command.js";
import { tokenOf } from "../src/page/access.js";
import { bytes, count, counted, rate, seconds } from "../src/page/format.js";

test("numbers are short and have their unit", () => {
  assert.deepEqual([count(1_234_567), counted(1, "gap"), counted(0, "gap")], ["1,234,567", "1 gap", "0 gaps"]);
  assert.deepEqual([rate(0), rate(0.25), rate(9.96), rate(1234.5)], ["0", "0.3", "10.0", "1,235"]);
  assert.deepEqual(
    [bytes(512), bytes(1536), bytes(2 ** 20), bytes(3.1 * 2 ** 30)],
    ["512 B", "1.5 KiB", "1.0 MiB", "3.1 GiB"],
  );
});

test("seconds are read in the unit that fits", () => {
  const said = [0.000_085, 0.0012, 0.35, 4.2, 59, 200, 7500, 90_000].map(seconds);
  assert.deepEqual(said, ["85 µs", "1.2 ms", "350 ms", "4.2 s", "59 s", "3 min 20 s", "2 h 5 min", "1 d 1 h"]);
});

test("the token is what the fragment says, and a command has it only where there is one", () => {
  assert.deepEqual([tokenOf("#token=a.b-c"), tokenOf("#x=1"), tokenOf("")], ["a.b-c", null, null]);
  assert.doesNotMatch(commandFor("http://h", null), /Authorization/);
  assert.match(commandFor("http://h", "a.b"), /-H 'Authorization: Bearer a\.b' -d /);
});
