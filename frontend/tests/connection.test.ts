import assert from "node:assert/strict";
import { test } from "node:test";
import { CloseCode } from "../src/wire.js";
import { connected, world } from "./support/connected.js";
import { RESTART } from "./support/manual_environment.js";

test("the gateway's hello is what makes a client connected", async () => {
  const { client, environment, states } = await world();
  assert.equal(client.status.state, "connecting");
  await environment.link.hello();
  await client.ready();
  assert.deepEqual(states, ["connecting", "connected"]);
});

test("a client that is not to connect by itself waits for connect", async () => {
  const { client, environment } = await world({ autoConnect: false });
  assert.equal(client.status.state, "idle");
  client.connect();
  assert.equal(client.status.state, "connecting");
  await environment.clock.pass(0);
  assert.equal(environment.links.length, 1);
});

test("a lost connection is made again after the back-off, which says how long it takes", async () => {
  const { client, environment } = await connected();
  await environment.link.end(1006, "broken off");
  assert.deepEqual(client.status, { state: "waiting", code: 1006, message: "broken off", retryInMs: 500 });
  await environment.clock.pass(499);
  assert.equal(environment.links.length, 1);
  await environment.clock.pass(1);
  assert.equal(environment.links.length, 2);
});

test("tries that come to nothing back off further, and five seconds up begin anew", async () => {
  const { client, environment } = await connected({ transport: "websocket" });
  const waits: (number | undefined)[] = [];
  const lose = async () => {
    await environment.link.end(1006);
    waits.push(client.status.retryInMs);
    await environment.clock.pass(client.status.retryInMs ?? 0);
  };
  await lose();
  await lose();
  await lose();
  await environment.link.hello();
  await environment.clock.pass(4_999);
  await lose();
  await environment.link.hello();
  await environment.clock.pass(5_000);
  await lose();
  assert.deepEqual(waits, [500, 750, 1250, 2250, 500]);
});

test("a code that says so ends it, and connect begins again", async () => {
  const { client, environment, states } = await connected();
  await environment.link.end(CloseCode.PROTOCOL_VIOLATION, "five bad frames");
  assert.deepEqual(client.status, { state: "closed", code: 4400, message: "five bad frames" });
  await assert.rejects(client.ready(), { code: "closed", message: "five bad frames" });
  await environment.clock.pass(100_000);
  assert.equal(environment.links.length, 1);
  client.connect();
  await environment.clock.pass(0);
  await environment.link.hello();
  assert.deepEqual(states.slice(-3), ["closed 4400", "connecting", "connected"]);
});

test("a slow consumer comes back at once", async () => {
  const { environment } = await connected();
  await environment.link.end(CloseCode.SLOW_CONSUMER);
  await environment.clock.pass(0);
  assert.equal(environment.links.length, 2);
});

test("a drain's window is waited for, on the old link while it lasts", async () => {
  const { environment } = await connected();
  await environment.link.say("reconnect", { after_ms: 3000, reason: "drain" });
  await environment.clock.pass(2999);
  assert.equal(environment.links.length, 1);
  await environment.clock.pass(1);
  assert.equal(environment.links[0]?.isClosed, true);
  assert.equal(environment.links.length, 2);
});

test("a gateway that hangs up before the drain's window has passed is not called before", async () => {
  const { client, environment } = await connected();
  await environment.link.say("reconnect", { after_ms: 3000, reason: "drain" });
  await environment.clock.pass(1000);
  await environment.link.end(RESTART);
  assert.equal(client.status.retryInMs, 2000);
  // Not even for a page that has reason to hope.
  await environment.happens("visible");
  assert.equal(environment.links.length, 1);
  await environment.clock.pass(2000);
  assert.equal(environment.links.length, 2);
});

test("an open that hangs is given up", async () => {
  const { client, environment } = await world();
  await environment.clock.pass(10_000);
  assert.equal(client.status.message, "the gateway did not answer in time");
  assert.equal(environment.link.isClosed, true);
});

test("a link that was let go is not listened to any more", async () => {
  const { client, environment } = await world();
  const hung = environment.link;
  await environment.clock.pass(10_500);
  assert.equal(environment.links.length, 2);
  await hung.end(CloseCode.PROTOCOL_VIOLATION);
  await hung.hello();
  assert.equal(client.status.state, "connecting");
});

test("a gateway that falls silent for two heartbeats is left", async () => {
  const { client, environment } = await connected();
  await environment.clock.pass(59_000);
  assert.equal(client.status.state, "connected");
  await environment.clock.pass(6_000);
  assert.deepEqual([client.status.state, client.status.code], ["waiting", CloseCode.NO_SIGN_OF_LIFE]);
});

test("a heartbeat keeps it, and is answered", async () => {
  const { client, environment } = await connected();
  await environment.clock.pass(50_000);
  await environment.link.say("ping", { seen: {}, mailbox: { depth: 0, high_water: 0, dropped: 0 } });
  await environment.clock.pass(50_000);
  assert.equal(client.status.state, "connected");
  assert.deepEqual(environment.link.asked("pong").data, { seen: {} });
});

test("after a sleep the link is asked whether it still lives, and dropped where it does not say", async () => {
  const { client, environment } = await connected();
  await environment.clock.sleep(30_000);
  assert.deepEqual(environment.link.asked("subscribe").data, { topics: {} });
  await environment.clock.pass(5_000);
  assert.equal(client.status.code, CloseCode.NO_SIGN_OF_LIFE);
});

test("a link that answers after a sleep is kept", async () => {
  const { client, environment } = await connected();
  await environment.clock.sleep(30_000);
  await environment.link.say("subscribed", { topics: {}, refused: {} }, environment.link.asked("subscribe").id);
  await environment.clock.pass(10_000);
  assert.equal(client.status.state, "connected");
});

test("after a sleep longer than two heartbeats the link is known to be dead", async () => {
  const { client, environment } = await connected();
  await environment.clock.sleep(3_600_000);
  assert.equal(client.status.code, CloseCode.NO_SIGN_OF_LIFE);
});

test("a browser that is offline waits without counting, and connects when it is back", async () => {
  const { client, environment } = await connected();
  environment.isOnline = false;
  await environment.link.end(1006);
  assert.deepEqual(client.status, { state: "waiting", code: 1006, message: "the browser is offline" });
  await environment.clock.pass(100_000);
  assert.equal(environment.links.length, 1);
  environment.isOnline = true;
  await environment.happens("online");
  assert.equal(environment.links.length, 2);
});

test("a page that becomes visible does not sit the back-off out", async () => {
  const { environment } = await connected();
  await environment.link.end(1006);
  await environment.happens("hidden");
  assert.equal(environment.links.length, 1);
  await environment.happens("visible");
  assert.equal(environment.links.length, 2);
});

test("but waits for what the gateway has asked for", async () => {
  const { environment } = await connected();
  await environment.link.end(CloseCode.TOO_MANY, "retry_after=5");
  await environment.happens("visible");
  assert.equal(environment.links.length, 1);
});

test("a page that is left lets go, and one that comes back from the cache connects at once", async () => {
  const { client, environment } = await connected();
  await environment.happens("left");
  assert.equal(environment.link.isClosed, true);
  assert.equal(client.status.state, "waiting");
  await environment.clock.pass(100_000);
  assert.equal(environment.links.length, 1);
  await environment.happens("restored");
  assert.equal(environment.links.length, 2);
});

test("close is the end: nothing is left to run, and nothing listens", async () => {
  const { client, environment } = await connected();
  client.close();
  assert.deepEqual([client.status.state, client.status.code], ["closed", 1000]);
  assert.equal(environment.link.isClosed, true);
  assert.equal(environment.clock.pending, 0);
  await environment.happens("online");
  assert.equal(environment.links.length, 1);
});

test("two WebSockets that do not get through are followed by a stream of events", async () => {
  const { client, environment } = await world();
  await environment.blocked();
  await environment.clock.pass(1000);
  await environment.blocked();
  await environment.clock.pass(1000);
  assert.equal(environment.links.length, 2);
  await environment.stream.hello();
  assert.deepEqual(client.status, { state: "connected", transport: "sse" });
  assert.equal(environment.remembered, "sse");
});
