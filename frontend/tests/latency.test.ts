import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { figuresOf, POINTS, pointsOf } from "../src/overlay/latency.js";

test("the line reaches from the least at the bottom to the greatest at the top, the newest at the right", () => {
  assert.equal(pointsOf([10, 30, 20], 59, 10), "57.0,10.0 58.0,0.0 59.0,5.0");
});

test("where all are alike the line is flat, and of nothing there is none", () => {
  assert.equal(pointsOf([7, 7], 59, 10), "58.0,10.0 59.0,10.0");
  assert.equal(pointsOf([], 59, 10), "");
});

test("no point lies outside the drawing, whatever the clocks say", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1e9, max: 1e9 }), { maxLength: 300 }), (latencies) => {
      const points = pointsOf(latencies, 120, 18).split(" ").filter(Boolean);
      assert.equal(points.length, Math.min(latencies.length, POINTS));
      for (const [x = -1, y = -1] of points.map((point) => point.split(",").map(Number))) {
        assert.ok(x >= 0 && x <= 120 && y >= 0 && y <= 18);
      }
    }),
  );
});

test("the figures are of the points that are drawn", () => {
  const old = Array.from({ length: 100 }, () => 5000);
  const recent = Array.from({ length: POINTS }, (_, index) => index + 1);
  assert.deepEqual(figuresOf([...old, ...recent]), { newestMs: 60, medianMs: 30, worstMs: 60 });
  assert.deepEqual(figuresOf([-4]), { newestMs: -4, medianMs: -4, worstMs: -4 });
  assert.equal(figuresOf([]), null);
});
