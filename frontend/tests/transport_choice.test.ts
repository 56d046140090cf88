import assert from "node:assert/strict";
import { test } from "node:test";
import { TransportChoice } from "../src/client/transport_choice.js";
import { ManualEnvironment } from "./support/manual_environment.js";

function choice(mode: "auto" | "websocket" | "sse" = "auto", remembered: string | null = null) {
  const environment = new ManualEnvironment();
  environment.remembered = remembered;
  return { environment, choice: new TransportChoice(mode, environment.memory) };
}

function fails(made: TransportChoice, times: number): void {
  for (let time = 0; time < times; time++) made.failed(made.kind);
}

test("two opens that fail change over, and two more change back", () => {
  const { choice: made } = choice();
  fails(made, 1);
  assert.equal(made.kind, "websocket");
  fails(made, 1);
  assert.equal(made.kind, "sse");
  fails(made, 2);
  assert.equal(made.kind, "websocket");
});

test("a fallback that worked is remembered for the session", () => {
  const { choice: made, environment } = choice();
  fails(made, 2);
  made.opened("sse");
  assert.equal(environment.remembered, "sse");
  assert.equal(choice("auto", "sse").choice.kind, "sse");
});

test("where WebSockets have worked, a gateway that is away for a while does not cost them", () => {
  const { choice: made, environment } = choice();
  made.opened("websocket");
  fails(made, 5);
  assert.equal(made.kind, "websocket");
  fails(made, 1);
  assert.equal(made.kind, "sse");
  made.opened("sse");
  assert.equal(made.kind, "websocket");
  assert.equal(environment.remembered, null);
});

test("a page that names its transport gets no other", () => {
  const { choice: made, environment } = choice("websocket", "sse");
  fails(made, 20);
  assert.equal(made.kind, "websocket");
  made.opened("websocket");
  assert.equal(environment.remembered, "sse");
});
