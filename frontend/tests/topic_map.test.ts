import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client, Envelope, EventsOf, MessageOf } from "../src/index.js";

interface Topics {
  "thread:*": { message_created: { content: string }; typing: { by: string } };
  clock: { tick: number };
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_Fact extends true>() => {};

// Never called: what is checked here is checked by the compiler.
function typed(client: Client<Topics>, untyped: Client): void {
  client.subscribe("thread:42").on("message", (message) => {
    if (message.type === "message_created") holds<Equal<typeof message.data, { content: string }>>();
    else holds<Equal<typeof message.data, { by: string }>>();
  });
  client.publish("clock", "tick", 7);
  // @ts-expect-error the clock ticks in numbers
  client.publish("clock", "tick", "seven");
  // @ts-expect-error a thread has no such type
  client.publish("thread:1", "deleted", {});
  untyped.publish("anything", "at_all", { x: 1 });
  untyped.subscribe("anything").on("message", (message) => holds<Equal<typeof message.data, unknown>>());
}

test("patterns of topics give their payloads, and topics without one give anything", () => {
  holds<Equal<MessageOf<EventsOf<Topics, "clock">>, Envelope<"tick", number>>>();
  holds<Equal<MessageOf<EventsOf<Topics, "other:1">>, Envelope>>();
  assert.equal(typeof typed, "function");
});
