import assert from "node:assert/strict";
import { test } from "node:test";
import { gapText, rowOf } from "../src/overlay/rows.js";
import { control, event, frame, NOW } from "./support/overlay_packets.js";

test("a gap says what is missing, why, how much of it, and that it will not come", () => {
  const gap = { topic: "thread:42", from: 41, to: 57, dropped: 15, reason: "overflow" };
  assert.equal(gapText(JSON.stringify(gap)), "missed 41..57 in thread:42, overflow, 15 dropped, recovered no");
  const unknown = { ...gap, from: null, to: null, dropped: null, reason: "history" };
  assert.equal(gapText(JSON.stringify(unknown)), "missed ?..? in thread:42, history, recovered no");
});

function textOf(...packet: Parameters<typeof event>): string | undefined {
  const row = rowOf(0, event(...packet), false);
  return row?.kind === "frame" ? undefined : row?.text;
}

test("a divider says with which code a connection ended and what that means", () => {
  assert.equal(
    textOf("waiting", "mailbox is full; since", 4509),
    "disconnected: 4509 · slow consumer · mailbox is full; since",
  );
  assert.equal(textOf("waiting", "", 1006), "disconnected: 1006 · broke off without a close frame");
  assert.equal(textOf("closed", "", 4403), "closed for good: 4403 · Origin not allowed");
  assert.equal(textOf("waiting", "the page was left"), "disconnected: the page was left");
  assert.equal(textOf("connected"), "connected");
});

test("codes of a newer gateway are known by their family", () => {
  assert.match(textOf("closed", "", 4499) ?? "", /something has to change first/);
  assert.match(textOf("waiting", "", 4599) ?? "", /come back and resume/);
  assert.match(textOf("waiting", "", 3000) ?? "", /unknown code/);
});

test("what happens between two connections needs no row of its own", () => {
  assert.deepEqual([rowOf(0, event("idle"), false), rowOf(0, event("connecting"), false)], [null, null]);
});

test("the latency is from the gateway's clock to ours, of what came live", () => {
  const late = frame({ ts: (NOW - 250) / 1000 });
  const latencyOf = (...row: Parameters<typeof rowOf>) => {
    const made = rowOf(...row);
    return made?.kind === "frame" ? made.latencyMs : undefined;
  };
  assert.equal(latencyOf(0, late, false), 250);
  assert.equal(latencyOf(0, late, true), null);
  assert.equal(latencyOf(0, { ...late, dir: "out" }, false), null);
  assert.equal(latencyOf(0, { ...late, ts: null }, false), null);
});

test("frames on the control topic are known for that", () => {
  const kinds = [control("ping", {}), frame()].map((packet) => rowOf(0, packet, false));
  assert.deepEqual(
    kinds.map((row) => row?.kind === "frame" && row.isControl),
    [true, false],
  );
});
