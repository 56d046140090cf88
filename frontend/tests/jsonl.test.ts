import assert from "node:assert/strict";
import { test } from "node:test";
import { fileNameAt, jsonlOf } from "../src/overlay/jsonl.js";
import { event, frame, NOW } from "./support/overlay_packets.js";

test("every packet is one line that has all of its fields, and the version of the format", () => {
  const packets = [frame({ payload: '{"text":"two\\nlines"}' }), event("waiting", "gone", 1006)];
  const text = jsonlOf(packets);
  assert.ok(text.endsWith("\n"));
  const lines = text.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    packets.map((packet) => ({ v: 1, ...packet })),
  );
});

test("of no packets there is no line", () => {
  assert.equal(jsonlOf([]), "");
});

test("the file is called after its moment, in characters that every file system takes", () => {
  assert.equal(fileNameAt(NOW), "fanwire-2023-11-14T22-13-20Z.jsonl");
});
