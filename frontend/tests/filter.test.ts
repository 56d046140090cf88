import assert from "node:assert/strict";
import { test } from "node:test";
import { readFilter } from "../src/overlay/filter.js";

function finds(text: string, haystack: string): boolean {
  const { filter } = readFilter(text);
  assert.ok(filter !== null, `${text} is flawed`);
  return filter(haystack);
}

test("words are found as they stand, in any case, and nothing finds everything", () => {
  assert.deepEqual([finds("Run_Fin", "in run_finished"), finds("a.c", "abc")], [true, false]);
  assert.deepEqual([finds("", "x"), finds("  ", "x")], [true, true]);
});

test("between slashes stands a regular expression, whose case counts unless it says otherwise", () => {
  assert.deepEqual([finds("/a.c$/", "xabc"), finds("/A.C/", "abc"), finds("/A.C/i", "abc")], [true, false, true]);
});

test("a path with slashes is taken for what it is as long as it does not end in flags", () => {
  assert.equal(finds("/only", "the /only one"), true);
});

test("an expression with the flag g finds in every packet, not in every second", () => {
  const { filter } = readFilter("/a/g");
  assert.deepEqual([filter?.("a"), filter?.("a"), filter?.("a")], [true, true, true]);
});

test("a bad expression says what is bad and is no filter", () => {
  const reading = readFilter("/(/");
  assert.equal(reading.filter, null);
  assert.match(reading.flaw ?? "", /regular expression/i);
  assert.match(readFilter("/a/zz").flaw ?? "", /flags/i);
});
