import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decode } from "../src/client/incoming.js";
import { control, publication } from "../src/client/outgoing.js";
import type { FromClient } from "../src/wire.js";

interface Vector {
  readonly name: string;
  readonly direction: "in" | "out" | "bad";
  readonly text: string;
  readonly expected: Record<string, unknown>;
}

const VECTORS: Vector[] = JSON.parse(readFileSync(new URL("../../tests/vectors/frames.json", import.meta.url), "utf8"));

for (const { name, text, expected } of VECTORS.filter(({ direction }) => direction === "out")) {
  test(`golden frame of the gateway: ${name}`, () => {
    const incoming = decode(text);
    const fields: object =
      incoming.kind === "control" ? incoming.frame : incoming.kind === "message" ? incoming.message : {};
    const found = Object.fromEntries(Object.entries(fields).filter(([field]) => field in expected));
    assert.deepEqual(found, expected);
    assert.equal(
      incoming.kind,
      expected.topic === "system" || text.includes('"topic":"system"') ? "control" : "message",
    );
  });
}

/** What this client would write for `expected`, where it is something that it ever writes. */
function written({ kind, id, topics, ...rest }: Record<string, unknown>): unknown {
  const request = String(id);
  switch (kind) {
    case "subscribe": {
      const asked = Object.entries(topics as Record<string, number | null>);
      return control(request, "subscribe", {
        topics: Object.fromEntries(asked.map(([topic, since]) => [topic, since === null ? {} : { since }])),
      });
    }
    case "unsubscribe":
      return control(request, "unsubscribe", { topics: topics as string[] });
    case "auth":
    case "pong":
      return control(request, kind, rest as unknown as FromClient["auth"] & FromClient["pong"]);
    default: {
      const { topic, type, data, key } = rest as { topic: string; type: string; data: unknown; key: string | null };
      return publication(request, topic, type, data, key ?? undefined);
    }
  }
}

/** One way to write what may be written in several: a list of names is an object of them, absent data is `{}`. */
function normal(frame: Record<string, unknown>): unknown {
  const data = (frame.data ?? {}) as Record<string, unknown>;
  const { topics } = data;
  if (frame.type === "subscribe") {
    const asked = Array.isArray(topics) ? topics.map((name) => [name, {}]) : Object.entries(topics as object);
    const since = (options: { since?: unknown }) => (options.since == null ? {} : options);
    return { ...frame, data: { topics: Object.fromEntries(asked.map(([name, options]) => [name, since(options)])) } };
  }
  if (frame.type === "unsubscribe")
    return { ...frame, data: { topics: Array.isArray(topics) ? topics : Object.keys(topics as object) } };
  if (frame.type === "pong") return { ...frame, data: { seen: {}, ...data }, id: "any" };
  return { ...frame, data: frame.data === undefined ? {} : frame.data, key: frame.key ?? undefined };
}

for (const { name, text, expected } of VECTORS.filter(({ direction }) => direction === "in")) {
  // Fields that this version does not know are for the gateway to keep: this client has no way to write any.
  if (Object.keys((expected.extra as object) ?? {}).length > 0) continue;
  test(`golden frame of a client: ${name}`, () => {
    const mine = normal(JSON.parse(JSON.stringify(written(expected))));
    const { ts, seq, prev, re, ...theirs } = JSON.parse(text);
    assert.deepEqual(mine, normal(theirs));
  });
}
