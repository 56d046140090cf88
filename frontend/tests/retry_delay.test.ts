import assert from "node:assert/strict";
import { test } from "node:test";
import { type Loss, retryDelayMs } from "../src/client/retry_delay.js";
import { CloseCode } from "../src/wire.js";

const LOSS: Loss = {
  code: 1006,
  atOnce: false,
  atLeastMs: 0,
  attempt: 0,
  random: 0.5,
  spreadMs: 8000,
  drainLeftMs: null,
};

test("a connection that broke off is tried again after the back-off", () => {
  assert.equal(retryDelayMs(LOSS), 500);
  assert.equal(retryDelayMs({ ...LOSS, attempt: 3 }), 2250);
});

test("a slow consumer comes back at once, but not again and again", () => {
  assert.equal(retryDelayMs({ ...LOSS, atOnce: true }), 0);
  assert.equal(retryDelayMs({ ...LOSS, atOnce: true, attempt: 1 }), 750);
});

test("what the gateway asks for is waited for before the back-off", () => {
  assert.equal(retryDelayMs({ ...LOSS, atLeastMs: 7000 }), 7500);
});

test("a drain's own window replaces the first try's", () => {
  assert.equal(retryDelayMs({ ...LOSS, code: CloseCode.RESTART, drainLeftMs: 1234 }), 1234);
  assert.equal(retryDelayMs({ ...LOSS, code: CloseCode.RESTART, drainLeftMs: -5 }), 0);
});

test("after a restart without a window the crowd spreads as wide as hello said", () => {
  assert.equal(retryDelayMs({ ...LOSS, code: CloseCode.RESTART }), 4250);
});
