import assert from "node:assert/strict";
import { test } from "node:test";
import type { Envelope, Gap, Subscription } from "../src/index.js";
import { connected, world } from "./support/connected.js";
import { settled } from "./support/manual_environment.js";

/** What the handlers of `subscription` are told, in order: a seq, or a gap. */
function told(subscription: Subscription): (number | Gap)[] {
  const all: (number | Gap)[] = [];
  subscription.on("message", ({ seq }) => all.push(seq));
  subscription.on("gap", (gap) => all.push(gap));
  return all;
}

async function joined(seq = 10, since?: number) {
  const made = await connected();
  const subscription = made.client.subscribe("thread:42", since === undefined ? {} : { since });
  const all = told(subscription);
  await settled();
  await made.environment.link.join(seq);
  return { ...made, subscription, all };
}

test("a page's subscriptions of one turn are one request", async () => {
  const { client, environment } = await connected();
  client.subscribe("a");
  client.subscribe("b", { since: 7 });
  client.subscribe("c", { since: "earliest" });
  await settled();
  assert.deepEqual(
    environment.link.sent.map(({ type, data }) => [type, data]),
    [["subscribe", { topics: { a: {}, b: { since: 7 }, c: { since: "earliest" } } }]],
  );
});

test("what is subscribed before the connection is up is asked for when it is", async () => {
  const { client, environment } = await world();
  const subscription = client.subscribe("a");
  assert.equal(subscription.status.state, "subscribing");
  await environment.link.hello();
  await environment.link.join(5);
  await subscription.ready();
  assert.equal(subscription.status.state, "subscribed");
  assert.equal(subscription.position, 5);
});

test("messages come in order, once, and the position advances after the handlers ran", async () => {
  const { environment, subscription, all } = await joined(10);
  const positions: (number | null)[] = [];
  subscription.on("message", () => positions.push(subscription.position));
  await environment.link.message("thread:42", 12, 10);
  await environment.link.message("thread:42", 12, 10);
  await environment.link.message("thread:42", 15, 12);
  assert.deepEqual(all, [12, 15]);
  assert.deepEqual(positions, [10, 12]);
  assert.equal(subscription.position, 15);
});

test("a broken chain that nobody has told is told by the client", async () => {
  const { environment, all } = await joined(10);
  await environment.link.message("thread:42", 20, 17);
  assert.deepEqual(all, [{ topic: "thread:42", from: 10, to: 20, dropped: null, reason: "chain" }, 20]);
});

test("the gateway's own gap is told once, in its place", async () => {
  const { environment, client, all } = await joined(10);
  const ofClient: Gap[] = [];
  client.on("gap", (gap) => ofClient.push(gap));
  const gap = { topic: "thread:42", from: 10, to: 20, dropped: 3, reason: "overflow" } as const;
  await environment.link.say("gap", gap);
  await environment.link.message("thread:42", 20, 17);
  await environment.link.message("thread:42", 21, 20);
  assert.deepEqual(all, [gap, 20, 21]);
  assert.deepEqual(ofClient, [gap]);
});

test("every subscription resumes from its position, on every new link", async () => {
  const { client, environment, subscription, all } = await joined(10);
  client.subscribe("quiet");
  await settled();
  await environment.link.join(3);
  await environment.link.message("thread:42", 12, 10);
  await environment.link.end(1006);
  assert.equal(subscription.status.state, "subscribing");
  await environment.clock.pass(500);
  await environment.link.hello();
  assert.deepEqual(environment.link.asked("subscribe").data, {
    topics: { "thread:42": { since: 12 }, quiet: { since: 3 } },
  });
  await environment.link.join(15, { replayed: 2 });
  await environment.link.message("thread:42", 13, 12);
  await environment.link.message("thread:42", 15, 13);
  assert.deepEqual(all, [12, 13, 15]);
});

test("a replay that is cut off is resumed from what was handled of it", async () => {
  const { environment, all } = await joined(10);
  const back = async () => {
    await environment.link.end(1006);
    await environment.clock.pass(20_000);
    await environment.link.hello();
  };
  await back();
  await environment.link.join(30, { replayed: 3 });
  await environment.link.message("thread:42", 20, 10);
  await back();
  assert.deepEqual(environment.link.asked("subscribe").data, { topics: { "thread:42": { since: 20 } } });
  assert.deepEqual(all, [20]);
});

test("a position that history has lost is told, and live messages follow without another gap", async () => {
  const { environment, all, subscription } = await joined(10);
  await environment.link.end(1006);
  await environment.clock.pass(500);
  await environment.link.hello();
  await environment.link.join(90, { recovered: false });
  const gap = { topic: "thread:42", from: 10, to: 90, dropped: null, reason: "history" } as const;
  await environment.link.say("gap", gap);
  assert.equal(subscription.position, 90);
  await environment.link.message("thread:42", 91, 90);
  assert.deepEqual(all, [gap, 91]);
});

test("another epoch voids position 0, which is told as a gap, and no other position", async () => {
  const { client, environment, all } = await joined(0);
  const later = told(client.subscribe("later"));
  await settled();
  await environment.link.join(20);
  const back = async (epoch: string | null) => {
    await environment.link.end(1006);
    await environment.clock.pass(5_000);
    await environment.link.hello({ epoch });
  };
  await back("e");
  await back(null); // a gateway that has yet to ask its bus
  await back("e");
  assert.deepEqual(all, []);
  await back("another");
  assert.deepEqual(all, [{ topic: "thread:42", from: 0, to: null, dropped: null, reason: "history" }]);
  await back("another");
  assert.deepEqual([all.length, later], [1, []]);
});

test("the first epoch voids nothing, not even a position 0 that the page has brought", async () => {
  const { client, environment } = await world();
  const all = told(client.subscribe("thread:42", { since: 0 }));
  await environment.link.hello();
  await environment.link.join(0);
  assert.deepEqual(all, []);
});

test("a gap in the middle of a catch-up leaves the first message after it a message", async () => {
  const { environment, all } = await joined(10);
  const gap = { topic: "thread:42", from: 10, to: 90, dropped: null, reason: "history" } as const;
  await environment.link.say("gap", gap);
  await environment.link.message("thread:42", 90, 80);
  assert.deepEqual(all, [gap, 90]);
});

test("a message that comes before the answer is left for the replay to bring", async () => {
  const { client, environment } = await connected();
  const all = told(client.subscribe("user:ada", { since: 10 }));
  await settled();
  await environment.link.message("user:ada", 12, 11);
  await environment.link.join(12, { replayed: 2 });
  await environment.link.message("user:ada", 11, 10);
  await environment.link.message("user:ada", 12, 11);
  assert.deepEqual(all, [11, 12]);
});

test("a handler that throws is reported, the others run, and the position goes on", async () => {
  const { environment, subscription, all } = await joined(10);
  subscription.on("message", () => {
    throw new Error("a bug in the page");
  });
  const last: number[] = [];
  subscription.on("message", ({ seq }) => last.push(seq));
  await environment.link.message("thread:42", 11, 10);
  assert.deepEqual([all, last, subscription.position], [[11], [11], 11]);
  assert.match(String(environment.reported[0]), /a bug in the page/);
});

test("a refused topic says why, and is not asked for again", async () => {
  const { client, environment } = await connected();
  const secret = client.subscribe("secret:1");
  await settled();
  const refused = { "secret:1": { code: "forbidden", message: "your token does not match it" } } as const;
  const ready = assert.rejects(secret.ready(), { code: "forbidden", topic: "secret:1" });
  await environment.link.say("subscribed", { topics: {}, refused }, environment.link.asked("subscribe").id);
  await ready;
  assert.equal(secret.status.error?.message, "your token does not match it");
  await environment.link.end(1006);
  await environment.clock.pass(500);
  await environment.link.hello();
  assert.deepEqual(environment.link.sent, []);
});

test("a topic that cannot be served right now is asked for again", async () => {
  const { client, environment } = await connected();
  const subscription = client.subscribe("busy:1");
  await settled();
  const refused = { "busy:1": { code: "overloaded", message: "try again later" } } as const;
  await environment.link.say("subscribed", { topics: {}, refused }, environment.link.asked("subscribe").id);
  assert.equal(subscription.status.state, "subscribing");
  await environment.clock.pass(500);
  assert.equal(environment.link.sent.length, 2);
  await environment.link.join(4);
  await subscription.ready();
});

test("a topic that a new token does not allow any more is left", async () => {
  const { environment, subscription } = await joined(10);
  await environment.link.say("error", { code: "forbidden", message: "not any more", topic: "thread:42" });
  assert.deepEqual([subscription.status.state, subscription.status.error?.code], ["unsubscribed", "forbidden"]);
});

test("a topic that is left brings nothing more, and can be joined again from now", async () => {
  const { client, environment, subscription, all } = await joined(10);
  subscription.unsubscribe();
  const again = told(client.subscribe("thread:42"));
  await settled();
  await environment.link.message("thread:42", 11, 10);
  await environment.link.join(11);
  await environment.link.message("thread:42", 12, 11);
  assert.deepEqual(
    environment.link.sent.map(({ type }) => type),
    ["subscribe", "unsubscribe", "subscribe"],
  );
  assert.deepEqual([all, again], [[], [12]]);
});

test("the answer to a request that was overtaken is not taken for another's", async () => {
  const { client, environment } = await connected();
  const first = client.subscribe("a", { since: 5 });
  await settled();
  const overtaken = environment.link.asked("subscribe").id;
  first.unsubscribe();
  const second = client.subscribe("a", { since: 7 });
  await settled();
  await environment.link.say(
    "subscribed",
    { topics: { a: { seq: 9, recovered: true, replayed: 0 } }, refused: {} },
    overtaken,
  );
  assert.deepEqual([first.status.state, second.status.state], ["unsubscribed", "subscribing"]);
  await environment.link.join(9, { replayed: 1 });
  assert.deepEqual([second.status.state, second.position], ["subscribed", 7]);
});

test("a gateway that leaves a subscription unanswered is left itself", async () => {
  const { client, environment } = await connected();
  client.subscribe("a");
  await environment.clock.pass(10_000);
  assert.equal(environment.links[0]?.isClosed, true);
});

test("the pong says which message of each topic was handled last", async () => {
  const { environment } = await joined(10);
  await environment.link.message("thread:42", 11, 10);
  await environment.link.say("ping", { seen: { "thread:42": 99 }, mailbox: { depth: 0, high_water: 0, dropped: 0 } });
  assert.deepEqual(environment.link.asked("pong").data, { seen: { "thread:42": "m-11" } });
});

test("for await gives each message once and ends when the topic is left", async () => {
  const { environment, subscription } = await joined(10);
  const seen: number[] = [];
  const loop = (async () => {
    for await (const { seq } of subscription) seen.push(seq);
  })();
  await environment.link.message("thread:42", 11, 10);
  await environment.link.message("thread:42", 12, 11);
  subscription.unsubscribe();
  await loop;
  assert.deepEqual(seen, [11, 12]);
});

test("a loop that is a thousand messages behind ends with an error, after what it was given", async () => {
  const { environment, subscription } = await joined(0);
  const loop = subscription[Symbol.asyncIterator]();
  for (let seq = 1; seq <= 1001; seq++) await environment.link.message("thread:42", seq, seq - 1);
  const got: Envelope[] = [];
  const failed = assert.rejects(
    async () => {
      for await (const message of loop) got.push(message);
    },
    { code: "slow_iterator" },
  );
  await failed;
  assert.equal(got.length, 1000);
  assert.equal((await loop.next()).done, true);
});

test("a loop that is broken out of takes nothing more", async () => {
  const { environment, subscription } = await joined(10);
  const loop = subscription[Symbol.asyncIterator]();
  await environment.link.message("thread:42", 11, 10);
  for await (const { seq } of loop) {
    assert.equal(seq, 11);
    break;
  }
  await environment.link.message("thread:42", 12, 11);
  assert.equal((await loop.next()).done, true);
});

test("closing the client ends loops and those who wait", async () => {
  const { client, environment, subscription } = await joined(10);
  const waiting = assert.rejects(client.subscribe("other").ready(), { code: "unsubscribed" });
  const next = subscription[Symbol.asyncIterator]().next();
  client.close();
  assert.equal((await next).done, true);
  await waiting;
  assert.equal(environment.clock.pending, 0);
});
