import assert from "node:assert/strict";
import { test } from "node:test";
import { verdictOf } from "../src/client/verdict.js";
import { CloseCode } from "../src/wire.js";

const EXPECTED: Record<keyof typeof CloseCode, string> = {
  NORMAL: "stop",
  GOING_AWAY: "stop",
  PROTOCOL_ERROR: "stop",
  INVALID_TEXT: "stop",
  FRAME_TOO_BIG: "stop",
  INTERNAL_ERROR: "retry",
  RESTART: "retry",
  TRY_AGAIN_LATER: "retry",
  PROTOCOL_VIOLATION: "stop",
  UNAUTHORIZED: "new_token",
  ORIGIN_FORBIDDEN: "stop",
  NO_SIGN_OF_LIFE: "retry",
  TOO_MANY: "retry",
  SLOW_CONSUMER: "retry at once",
  LOST_PLACE: "retry at once",
};

test("every code of the gateway's table has the verdict that the protocol page gives it", () => {
  const names = Object.keys(CloseCode).filter((name) => Number.isNaN(Number(name))) as (keyof typeof CloseCode)[];
  const verdicts = names.map((name) => {
    const verdict = verdictOf(CloseCode[name], "");
    return [name, verdict.kind + (verdict.kind === "retry" && verdict.atOnce ? " at once" : "")];
  });
  assert.deepEqual(Object.fromEntries(verdicts), EXPECTED);
});

test("a connection that broke off, or was cut by a proxy, is tried again", () => {
  for (const code of [1005, 1006, 3000, 4000]) assert.equal(verdictOf(code, "").kind, "retry", `${code}`);
});

test("an unknown 44xx means that something has to change first, an unknown 45xx does not", () => {
  assert.equal(verdictOf(4477, "").kind, "stop");
  assert.equal(verdictOf(4599, "").kind, "retry");
});

test("the seconds in which a reason ends are the least to wait", () => {
  const least = (reason: string) => {
    const verdict = verdictOf(CloseCode.TOO_MANY, reason);
    return verdict.kind === "retry" ? verdict.atLeastMs : null;
  };
  assert.equal(least("limits.connections_per_ip retry_after=7"), 7000);
  assert.equal(least("HTTP 429 retry_after=null"), 0);
  assert.equal(least("retry_after=99999999"), 0);
});
