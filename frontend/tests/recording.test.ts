import assert from "node:assert/strict";
import { test } from "node:test";
import type { Packet } from "../src/index.js";
import { readFilter } from "../src/overlay/filter.js";
import { Recording } from "../src/overlay/recording.js";
import { control, event, frame } from "./support/overlay_packets.js";

function recorded(...packets: readonly Packet[]): Recording {
  const recording = new Recording();
  for (const packet of packets) recording.take(packet);
  return recording;
}

/** What is to be seen: a seq, or the kind of notice. */
function seen(recording: Recording): unknown[] {
  return recording.view().rows.map((row) => (row.kind === "frame" ? (row.packet.seq ?? row.packet.type) : row.kind));
}

const gap = (topic: string) => event("gap", JSON.stringify({ topic, from: 1, to: 9, dropped: 7, reason: "overflow" }));

test("the last two hundred packets are kept, oldest first", () => {
  const recording = recorded(...Array.from({ length: 250 }, (_, index) => frame({ seq: index + 1 })));
  const seqs = seen(recording);
  assert.deepEqual([seqs.length, seqs[0], seqs.at(-1)], [200, 51, 250]);
  assert.equal(recording.packets.length, 200);
});

test("control frames are hidden and counted until they are asked for", () => {
  const recording = recorded(control("hello", {}), frame({ seq: 1 }), control("gap", {}));
  assert.deepEqual([seen(recording), recording.view().controlHidden], [[1], 2]);
  recording.showsControl = true;
  assert.deepEqual([seen(recording), recording.view().controlHidden], [["hello", 1, "gap"], 0]);
});

test("a filter keeps what it finds, in topics, types, payloads and gaps, and every divider", () => {
  const other = frame({ seq: 2, topic: "agent:7" });
  const recording = recorded(frame({ seq: 1 }), gap("agent:7"), event("connected"), other, gap("thread:42"));
  recording.filter = readFilter("agent:7").filter ?? assert.fail();
  assert.deepEqual(seen(recording), ["gap", "divider", 2]);
});

test("while paused nothing moves, and what comes is counted and there afterwards", () => {
  const recording = recorded(frame({ seq: 1 }));
  recording.isPaused = true;
  for (let seq = 2; seq <= 300; seq++) recording.take(frame({ seq }));
  assert.deepEqual([seen(recording), recording.view().cameMeanwhile], [[1], 299]);
  assert.equal(recording.packets.length, 1);
  recording.isPaused = false;
  const seqs = seen(recording);
  assert.deepEqual([seqs.length, seqs[0], recording.view().cameMeanwhile], [200, 101, 0]);
});

test("clearing forgets what is seen, and not what came while nobody could see it", () => {
  const recording = recorded(frame({ seq: 1 }));
  recording.isPaused = true;
  recording.take(frame({ seq: 2 }));
  recording.clear();
  assert.deepEqual(seen(recording), []);
  recording.isPaused = false;
  assert.deepEqual(seen(recording), [2]);
});

test("what a subscription replays says nothing about the latency", () => {
  const joined = control("subscribed", { topics: { "thread:42": { seq: 20, recovered: true, replayed: 2 } } });
  const old = { ts: 1 };
  const recording = recorded(joined, frame({ seq: 19, ...old }), frame({ seq: 20, ...old }), frame({ seq: 21 }));
  assert.deepEqual(recording.latenciesMs, [0, 0]);
  assert.deepEqual(seen(recording), [19, 20, 21]);
});

test("the mailbox is what the last whole ping said", () => {
  const mailbox = { depth: 3, high_water: 9, dropped: 1 };
  const recording = recorded(control("ping", { seen: {}, mailbox }), { ...control("ping", {}), truncated: true });
  assert.deepEqual(recording.mailbox, mailbox);
});

test("a text that is no envelope is a row like any other", () => {
  const recording = recorded(frame({ topic: null, type: null, seq: null, id: null, ts: null, payload: "{" }));
  assert.equal(recording.view().rows.length, 1);
});
