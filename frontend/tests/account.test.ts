import assert from "node:assert/strict";
import { test } from "node:test";
import { Account } from "../src/demo/account.js";

const of = (seq: number, prev: number, topic = "t") => ({ topic, seq, prev });

test("a chain without a break has neither gaps nor duplicates, whatever else comes between", () => {
  const account = new Account();
  for (const link of [of(5, 4), of(7, 5), of(3, 1, "u"), of(8, 7), of(4, 3, "u")]) account.take(link);
  assert.deepEqual(account.totals, { received: 5, gaps: 0, duplicates: 0 });
  assert.deepEqual([account.position("t"), account.position("u"), account.position("v")], [8, 4, null]);
});

test("a message whose predecessor is another one is a gap, and one that came before is a duplicate", () => {
  const account = new Account();
  for (const link of [of(5, 4), of(9, 7), of(9, 7), of(5, 4), of(10, 9)]) account.take(link);
  assert.deepEqual(account.totals, { received: 5, gaps: 1, duplicates: 2 });
});

test("who waits for a number of messages hears when they are there, and at once for none", () => {
  const account = new Account();
  const heard: string[] = [];
  account.after(0, () => heard.push("none"));
  account.after(2, () => heard.push("two"));
  account.take(of(1, 0));
  assert.deepEqual(heard, ["none"]);
  account.take(of(2, 1));
  assert.deepEqual(heard, ["none", "two"]);
});
