import assert from "node:assert/strict";
import { test } from "node:test";
import { connected, world } from "./support/connected.js";
import { settled } from "./support/manual_environment.js";

const RECEIPT = { topic: "thread:42", seq: 12, prev: 10, duplicate: false };

test("a publication resolves with the gateway's receipt", async () => {
  const { client, environment } = await connected();
  const published = client.publish("thread:42", "note", { text: "hi" }, { key: "ada" });
  await settled();
  const { id, ...frame } = environment.link.asked("note");
  assert.deepEqual(frame, { v: 1, topic: "thread:42", type: "note", data: { text: "hi" }, key: "ada" });
  await environment.link.say("published", RECEIPT, id);
  assert.deepEqual(await published, { id, ...RECEIPT });
});

test("what has no answer yet is sent again on the next link, under the same id and in the same order", async () => {
  const { client, environment } = await connected();
  const both = Promise.all([client.publish("a", "one"), client.publish("a", "two")]);
  await settled();
  const first = environment.link.sent;
  await environment.link.end(1006);
  await environment.clock.pass(500);
  await environment.link.hello();
  assert.deepEqual(environment.link.sent, first);
  for (const { id } of first) await environment.link.say("published", { ...RECEIPT, duplicate: true }, id);
  assert.deepEqual(
    (await both).map(({ duplicate }) => duplicate),
    [true, true],
  );
  await environment.link.end(1006);
  await environment.clock.pass(2000);
  await environment.link.hello();
  assert.deepEqual(environment.link.sent, []);
});

test("what is published before the connection is up waits for it", async () => {
  const { client, environment } = await world();
  const published = client.publish("a", "note", 1, { id: "11111111-1111-4111-8111-111111111111" });
  await environment.link.hello();
  await environment.link.say("published", RECEIPT, environment.link.asked("note").id);
  assert.equal((await published).id, "11111111-1111-4111-8111-111111111111");
});

test("topics are resumed before anything is published, so that a page hears what it said", async () => {
  const { client, environment } = await connected();
  client.subscribe("a");
  client.publish("a", "note").catch(() => {});
  await environment.link.end(1006);
  await environment.clock.pass(500);
  await environment.link.hello();
  assert.deepEqual(
    environment.link.sent.map(({ type }) => type),
    ["subscribe", "note"],
  );
  client.close();
});

test("the gateway's refusal is the publisher's", async () => {
  const { client, environment } = await connected();
  const refused = assert.rejects(client.publish("secret", "note"), {
    code: "forbidden",
    topic: "secret",
    message: "no",
  });
  await settled();
  await environment.link.say("error", { code: "forbidden", message: "no" }, environment.link.asked("note").id);
  await refused;
});

test("one too many in a second is sent again a second later", async () => {
  const { client, environment } = await connected();
  const published = client.publish("a", "note");
  await settled();
  const { id } = environment.link.asked("note");
  await environment.link.say("error", { code: "rate_limited", message: "slower" }, id);
  await environment.clock.pass(1000);
  assert.equal(environment.link.sent.length, 2);
  await environment.link.say("published", RECEIPT, id);
  await published;
});

test("no more than the limit wait for their answer", async () => {
  const { client, environment } = await connected({ maxPublications: 2 });
  const waiting = [client.publish("a", "note"), client.publish("a", "note")];
  await assert.rejects(client.publish("a", "note"), { code: "overloaded" });
  await settled();
  const [first] = environment.link.sent;
  await environment.link.say("published", RECEIPT, first?.id);
  await waiting[0];
  const third = client.publish("a", "note");
  await settled();
  assert.equal(environment.link.sent.length, 3);
  client.close();
  await assert.rejects(third, { code: "closed" });
  await assert.rejects(waiting[1] ?? Promise.resolve(), { code: "closed" });
});

test("a deadline is kept, connected or not", async () => {
  const { client, environment } = await world();
  const late = assert.rejects(client.publish("a", "note", {}, { timeoutMs: 3000 }), { code: "timeout" });
  await environment.clock.pass(3000);
  await late;
  await environment.link.hello();
  assert.deepEqual(environment.link.sent, []);
});

test("what would end the connection never leaves the page", async () => {
  const { client, environment } = await connected();
  await assert.rejects(client.publish("not a topic", "note"), { code: "bad_topic" });
  await assert.rejects(client.publish("system", "note"), { code: "bad_topic" });
  await assert.rejects(client.publish("a", "Not A Type"), { code: "bad_envelope" });
  await assert.rejects(client.publish("a", "note", {}, { key: "k".repeat(129) }), { code: "bad_envelope" });
  await assert.rejects(client.publish("a", "note", "ü".repeat(33_000)), { code: "too_large" });
  await assert.rejects(client.publish("a", "note", "x".repeat(65_536)), { code: "too_large" });
  assert.deepEqual(environment.link.sent, []);
});

test("a client that is closed publishes nothing", async () => {
  const { client } = await connected();
  client.close();
  await assert.rejects(client.publish("a", "note"), { code: "closed" });
});
