import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backOffMs } from "../src/client/back_off.js";

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a wait is never shorter than 250 ms and never longer than 20 s", () => {
  fc.assert(
    fc.property(fc.nat(), chance, fc.nat(60_000), (attempt, random, spreadMs) => {
      const ms = backOffMs(attempt, random, spreadMs);
      assert.ok(ms >= 250 && ms <= 20_000, `${ms}`);
    }),
  );
});

test("each try doubles the window, up to the ceiling", () => {
  assert.deepEqual(
    [0, 1, 2, 3].map((attempt) => backOffMs(attempt, 0.5)),
    [500, 750, 1250, 2250],
  );
  assert.equal(backOffMs(40, 0.999), 20_000);
});

test("the whole window is used: a crowd spreads over it", () => {
  assert.equal(backOffMs(3, 0), 250);
  assert.equal(Math.round(backOffMs(3, 0.9999)), 4250);
});

test("the gateway's own spread widens a small window", () => {
  assert.equal(backOffMs(0, 0.5, 5_000), 2_750);
});
