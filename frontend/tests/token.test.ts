import assert from "node:assert/strict";
import { test } from "node:test";
import { renewalDelayMs } from "../src/client/renewal.js";
import { TokenSource } from "../src/client/token.js";
import type { TokenReason } from "../src/index.js";
import { CloseCode } from "../src/wire.js";
import { world } from "./support/connected.js";

const EXPIRES_IN_100_S = { expires_at: 1_700_000_100 };

/** Gives `tokens` one after the other, and the last one again and again; `asked` has every reason. */
function giving(...tokens: (string | null)[]) {
  const asked: TokenReason[] = [];
  const getToken = ({ reason }: { readonly reason: TokenReason }) => {
    asked.push(reason);
    return Promise.resolve((tokens.length > 1 ? tokens.shift() : tokens[0]) ?? null);
  };
  return { asked, getToken };
}

test("the token is asked for on every connect", async () => {
  const { asked, getToken } = giving("one", "two");
  const { environment } = await world({ getToken });
  await environment.link.hello();
  await environment.link.end(1006);
  await environment.clock.pass(500);
  assert.deepEqual(
    environment.links.map(({ request }) => request.token),
    ["one", "two"],
  );
  assert.deepEqual(asked, ["connect", "connect"]);
});

test("a refused token is replaced by a new one, at once", async () => {
  const { asked, getToken } = giving("old", "new");
  const { environment } = await world({ getToken });
  await environment.link.end(CloseCode.UNAUTHORIZED, "expired");
  await environment.clock.pass(0);
  assert.equal(environment.link.request.token, "new");
  assert.deepEqual(asked, ["connect", "refused"]);
});

test("the same token again after it was refused ends the client", async () => {
  const { client, environment } = await world(giving("old"));
  await environment.link.end(CloseCode.UNAUTHORIZED, "expired");
  await environment.clock.pass(0);
  assert.deepEqual([client.status.state, client.status.code], ["closed", CloseCode.UNAUTHORIZED]);
  assert.equal(environment.links.length, 1);
});

test("without getToken a refusal is the end", async () => {
  const { client, environment } = await world();
  await environment.link.end(CloseCode.UNAUTHORIZED, "no token");
  assert.deepEqual(client.status, { state: "closed", code: 4401, message: "no token" });
});

test("a getToken that fails is tried again, and says why", async () => {
  let tries = 0;
  const getToken = () => {
    tries += 1;
    if (tries === 1) throw new Error("503 from /login");
    return "token";
  };
  const { client, environment } = await world({ getToken });
  assert.equal(client.status.message, "getToken failed: 503 from /login");
  await environment.clock.pass(500);
  assert.equal(environment.link.request.token, "token");
});

test("a getToken that never answers is asked again, and costs no transport", async () => {
  let asked = 0;
  const getToken = () => {
    asked += 1;
    return new Promise<string>(() => {});
  };
  const { client, environment } = await world({ getToken });
  await environment.clock.pass(10_000);
  assert.equal(client.status.message, "getToken took too long");
  await environment.clock.pass(60_000);
  assert.ok(asked > 2);
  assert.equal(client.status.transport ?? "websocket", "websocket");
});

test("a token is renewed in place before it expires, and again before the next one does", async () => {
  const { asked, getToken } = giving("first", "second", "third");
  const { environment, client } = await world({ getToken });
  await environment.link.hello(EXPIRES_IN_100_S);
  const { link, clock } = environment;
  // A quarter before the end of a life of 100 s, and spread over the tenth before that.
  for (const token of ["second", "third"]) {
    await clock.pass(40_000);
    await link.ping();
    await clock.pass(30_000);
    const before = link.sent.filter(({ type }) => type === "auth").length;
    await clock.pass(5_000);
    assert.equal(link.sent.filter(({ type }) => type === "auth").length, before + 1);
    assert.deepEqual(link.asked("auth").data, { token });
    await link.say("hello", { ...HELLO, ...EXPIRES_IN_100_S }, link.asked("auth").id);
  }
  assert.deepEqual(asked, ["connect", "expiring", "expiring"]);
  assert.equal(client.status.state, "connected");
  assert.equal(environment.links.length, 1);
});

const HELLO = {
  client: "c",
  user: "ada",
  heartbeat_s: 30,
  mailbox: { messages: 1, bytes: 1 },
  expires_at: null,
  reconnect_jitter_ms: 0,
  epoch: "e",
};

test("a renewal that the gateway refuses is made on a link of its own", async () => {
  const { environment } = await world(giving("ada's", "bob's"));
  await environment.link.hello({ expires_at: 1_700_000_040 });
  const { link, clock } = environment;
  await clock.pass(30_000);
  await link.say("error", { code: "forbidden", message: "another user" }, link.asked("auth").id);
  await clock.pass(5_000);
  assert.equal(link.isClosed, true);
  assert.equal(environment.links.length, 2);
});

test("those who want a token at the same time share one question, and the next one asks anew", async () => {
  const { asked, getToken } = giving("one", "two");
  const tokens = new TokenSource(getToken);
  assert.deepEqual(await Promise.all([tokens.get("connect"), tokens.get("expiring")]), ["one", "one"]);
  assert.equal(await tokens.get("expiring"), "two");
  assert.deepEqual(asked, ["connect", "expiring"]);
});

test("a long life is renewed a minute before its end, a short one after three quarters", () => {
  assert.equal(renewalDelayMs(3_600_000, 0), 3_540_000);
  assert.equal(renewalDelayMs(8_000, 0), 6_000);
  assert.equal(renewalDelayMs(-5, 0.5), 0);
  assert.ok(renewalDelayMs(1e12, 0) <= 2_147_483_647);
  assert.ok(renewalDelayMs(3_600_000, 0.99) >= 3_480_000);
});
