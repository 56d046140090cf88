import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { afterGap, NOWHERE, placeAt, stepTo } from "../src/client/position.js";

test("the first message of a topic that was joined without a position is new", () => {
  assert.deepEqual(stepTo(NOWHERE, 7, 6), { kind: "next", missed: null });
});

test("the successor is new, what came before is a duplicate", () => {
  assert.deepEqual(stepTo(placeAt(7), 9, 7), { kind: "next", missed: null });
  assert.equal(stepTo(placeAt(7), 7, 6).kind, "duplicate");
  assert.equal(stepTo(placeAt(7), 3, 0).kind, "duplicate");
});

test("a broken chain is told, forwards and for a fork", () => {
  assert.deepEqual(stepTo(placeAt(7), 12, 11), { kind: "next", missed: { from: 7, to: 12 } });
  assert.deepEqual(stepTo(placeAt(7), 12, 5), { kind: "next", missed: { from: 7, to: 12 } });
});

test("a gap that the gateway has told is not told again, and duplicates are still known", () => {
  assert.deepEqual(stepTo(afterGap(placeAt(7)), 12, 11), { kind: "next", missed: null });
  assert.equal(stepTo(afterGap(placeAt(7)), 7, 6).kind, "duplicate");
});

test("whatever is lost or repeated, each message comes once, in order, and every loss is told", () => {
  const arrivals = fc.array(fc.nat(40), { maxLength: 200 });
  fc.assert(
    fc.property(arrivals, (indices) => {
      let place = placeAt(0);
      const handled: number[] = [];
      let told = 0;
      for (const index of indices) {
        // A chain of positions that are not dense: 10, 20, 30 …
        const seq = 10 * (index + 1);
        const step = stepTo(place, seq, seq - 10);
        if (step.kind === "duplicate") continue;
        if (step.missed !== null) told += (step.missed.to - step.missed.from) / 10 - 1;
        handled.push(seq);
        place = placeAt(seq);
      }
      assert.deepEqual(
        handled,
        [...new Set(handled)].sort((a, b) => a - b),
      );
      assert.equal(told + handled.length, (handled.at(-1) ?? 0) / 10);
    }),
  );
});
