import assert from "node:assert/strict";
import { test } from "node:test";
import { fillOf, widthOf } from "../src/ops/depth_bar.js";
import { rangeOf, sharesOf } from "../src/ops/latency_chart_ranges.js";
import { isShown, numbered } from "../src/ops/odd_events.js";
import { between, isComparable, paceOf, quantileOf, rateOf } from "../src/ops/pace.js";
import { bodyOf } from "../src/ops/publish_form.js";
import { histogramOf, type Snapshot, totalOf } from "../src/ops/snapshot.js";

function at(time: number, sent: number, counts: readonly number[], more: object = {}): Snapshot {
  const histogram = { counts, count: counts.reduce((sum, one) => sum + one, 0), total_s: 0 };
  const fields = { time, uptime_s: time, pid: 1, bounds_s: [0.1, 0.2], counters: { sent: { a: sent, b: 1 } } };
  return {
    ...fields,
    histograms: { plain: histogram, labelled: { x: histogram, y: histogram } },
    ...more,
  } as unknown as Snapshot;
}

test("a rate is the difference of counts over that of times, all labels added up", () => {
  const [earlier, later] = [at(10, 5, [0, 0, 0]), at(14, 25, [4, 0, 4])];
  assert.deepEqual([rateOf(earlier, later, "sent"), rateOf(earlier, later, "absent")], [5, 0]);
  assert.deepEqual([paceOf(earlier, later, "plain"), paceOf(earlier, later, "labelled")], [2, 4]);
  assert.equal(totalOf(later.counters, "sent"), 26);
  assert.deepEqual(histogramOf(later, "labelled").counts, [8, 0, 8]);
});

test("a gateway that began anew, and the same snapshot again, are nothing to compare with", () => {
  const first = at(10, 0, []);
  assert.equal(isComparable(first, at(11, 0, [])), true);
  assert.equal(isComparable(first, at(10, 0, [])), false);
  assert.equal(isComparable(first, at(11, 0, [], { pid: 2 })), false);
  assert.equal(isComparable(first, at(11, 0, [], { uptime_s: 1 })), false);
});

test("a quantile is the bound of its bucket, and beyond the last one without end", () => {
  const seen = between(at(1, 0, [5, 0, 0]), at(2, 0, [14, 1, 0]), "plain");
  assert.deepEqual([quantileOf(seen, [0.1, 0.2], 0.5), quantileOf(seen, [0.1, 0.2], 0.99)], [0.1, 0.2]);
  assert.equal(quantileOf({ counts: [0, 0, 1], count: 1, total_s: 9 }, [0.1, 0.2], 0.5), Number.POSITIVE_INFINITY);
  assert.equal(quantileOf({ counts: [0, 0, 0], count: 0, total_s: 0 }, [0.1, 0.2], 0.5), null);
});

test("the drawing begins and ends where something is, in shares of each histogram", () => {
  const few = { counts: [0, 0, 0, 1, 0, 0], count: 1, total_s: 0 };
  const many = { counts: [0, 0, 6, 2, 0, 0], count: 8, total_s: 0 };
  assert.deepEqual(rangeOf([few, many]), [1, 4]);
  assert.deepEqual(sharesOf(many, [1, 4]), [0, 75, 25, 0]);
  assert.equal(rangeOf([{ counts: [0, 0], count: 0, total_s: 0 }]), null);
});

test("a bar is as long as its mailbox is full, and what is not empty can be seen", () => {
  assert.deepEqual([widthOf(0, 500), widthOf(1, 10_000), widthOf(250, 500), widthOf(900, 500)], [0, 1.5, 50, 100]);
  assert.deepEqual(
    [fillOf(250, 500), fillOf(251, 500), fillOf(451, 500), fillOf(0, 0)],
    ["calm", "filling", "full", "calm"],
  );
});

test("odd events come newest first under numbers of their own, and errors alone where that is asked", () => {
  const [old, young] = ["warning", "error"].map((level) => ({ time: 1, level, logger: "l", message: "m" }));
  assert.ok(old !== undefined && young !== undefined);
  assert.deepEqual(numbered({ events: [old, young], fell_out: 7 }), [
    { number: 8, event: young },
    { number: 7, event: old },
  ]);
  assert.deepEqual([isShown(old, "warning"), isShown(old, "error"), isShown(young, "error")], [true, false, true]);
});

test("the form's body is one envelope, and data that is not JSON is refused before it is sent", () => {
  assert.equal(bodyOf(" t ", "x", " "), '{"topic":"t","type":"x"}');
  assert.equal(bodyOf("t", "x", "[1]"), '{"topic":"t","type":"x","data":[1]}');
  assert.throws(() => bodyOf("t", "x", "{not"), SyntaxError);
});
