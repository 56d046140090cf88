import assert from "node:assert/strict";
import { test } from "node:test";
import { strokesOf } from "../src/demo/lane.js";
import { batchesOf, positionsOf } from "../src/demo/series.js";
import { type Tally, verdictOf } from "../src/demo/tally.js";

const ALL: Tally = { total: 9, received: 9, duplicates: 0, announced: 0, closes: [], replayed: 0, isComplete: true };

test("what is said of a policy is what the numbers say", () => {
  assert.match(
    verdictOf("disconnect", { ...ALL, closes: [4509], replayed: 4 }),
    /^Closed 4509, came back, 4 replayed: nothing lost/,
  );
  assert.match(verdictOf("disconnect", ALL), /never filled/);
  assert.match(verdictOf("catch_up", { ...ALL, received: 8 }), /1 message missing/);
  assert.match(
    verdictOf("drop_oldest", { ...ALL, received: 6, announced: 3 }),
    /^Lost 3 old messages, each one announced/,
  );
  assert.match(verdictOf("drop_oldest", { ...ALL, received: 6, announced: 2 }), /2 of them announced/);
  assert.match(verdictOf("latest", { ...ALL, received: 2 }), /^Skipped 7 stale values and has the newest/);
  assert.doesNotMatch(verdictOf("latest", { ...ALL, received: 2, isComplete: false }), /newest/);
  assert.match(verdictOf("catch_up", { ...ALL, duplicates: 1 }), /1 message came twice/);
});

test("every message of the series is in one body, and no body is larger than the gateway takes", () => {
  const bodies = batchesOf(["a:1", "b:1"], 16);
  assert.ok(bodies.every((body) => body.length < 65_536));
  const topics = bodies.flatMap((body) => JSON.parse(body).map(({ topic }: { topic: string }) => topic));
  assert.deepEqual([topics.length, topics.filter((topic) => topic === "b:1").length], [32, 16]);
});

test("positions are those of each topic, in order, however the answers came", () => {
  const positions = positionsOf(
    [3, 1, 2].flatMap((seq) => [
      { topic: "a", seq },
      { topic: "b", seq: seq + 10 },
    ]),
  );
  assert.deepEqual(
    [positions.get("a"), positions.get("b")],
    [
      [1, 2, 3],
      [11, 12, 13],
    ],
  );
});

test("only what has arrived is drawn", () => {
  assert.equal(strokesOf(Uint8Array.from([1, 0, 1])), "M0.5 0V1M2.5 0V1");
});
