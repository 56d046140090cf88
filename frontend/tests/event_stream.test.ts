import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { addressesOf } from "../src/client/addresses.js";
import { openEventStream } from "../src/sse/event_stream.js";
import type { Since } from "../src/wire.js";
import { settled } from "./support/manual_environment.js";

/** The browser's EventSource, with the gateway's end in the test's hands. */
class FakeEventSource {
  static made: FakeEventSource[] = [];
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  isClosed = false;
  readonly url: URL;
  private onclosed: ((event: { data: string }) => void) | null = null;

  constructor(url: string) {
    this.url = new URL(url);
    FakeEventSource.made.push(this);
  }

  addEventListener(_name: "closed", handler: (event: { data: string }) => void): void {
    this.onclosed = handler;
  }

  close(): void {
    this.isClosed = true;
  }

  async frame(frame: object): Promise<void> {
    this.onmessage?.({ data: JSON.stringify({ v: 1, id: "g", ts: 1, ...frame }) });
    await settled();
  }

  say(type: string, data: object): Promise<void> {
    return this.frame({ topic: "system", type, data, re: "the gateway's own" });
  }

  ended(code: number, reason: string): void {
    this.onclosed?.({ data: JSON.stringify({ code, reason }) });
  }
}

interface Call {
  readonly url: string;
  readonly init: RequestInit;
}

const ADDRESSES = addressesOf("http://gateway.test");
const JOINED = { seq: 30, recovered: true, replayed: 0 };
let calls: Call[];
let answers: ((url: string) => Response | Promise<Response>)[];
const real = { fetch: globalThis.fetch, EventSource: (globalThis as { EventSource?: unknown }).EventSource };

beforeEach(() => {
  FakeEventSource.made = [];
  calls = [];
  answers = [];
  const fetch = async (url: string, init: RequestInit) => {
    calls.push({ url, init });
    const answer = answers.shift();
    if (answer === undefined) throw new TypeError("no answer was prepared");
    return answer(url);
  };
  Object.assign(globalThis, { EventSource: FakeEventSource, fetch });
});

afterEach(() => Object.assign(globalThis, real));

const json =
  (status: number, body: object, headers: Record<string, string> = {}) =>
  () =>
    new Response(JSON.stringify(body), { status, headers });

async function opened(topics: Record<string, Since>, token: string | null = null) {
  const heard: Record<string, unknown>[] = [];
  const ends: [number, string][] = [];
  const listener = {
    text: (text: string) => heard.push(JSON.parse(text)),
    closed: (code: number, reason: string) => ends.push([code, reason]),
  };
  const link = openEventStream({ addresses: ADDRESSES, token, topics: new Map(Object.entries(topics)) }, listener);
  const send = async (type: string, data: object, topic = "system", id = `ask-${type}`) => {
    link.send(JSON.stringify({ v: 1, id, topic, type, data }));
    await turns();
  };
  await turns();
  return { link, heard, ends, send };
}

/** Bodies of fetch are read in turns of the event loop, not of its microtasks. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function newest(): FakeEventSource {
  return FakeEventSource.made.at(-1) ?? assert.fail("no EventSource was made");
}

test("every position travels in one cursor, written as the gateway writes it", async () => {
  await opened({ "thread:42": 1719958453127004, "agent:7": null });
  const { searchParams, pathname } = newest().url;
  assert.equal(pathname, "/api/events");
  assert.deepEqual(searchParams.getAll("topic"), ["thread:42", "agent:7", "user:anonymous"]);
  // python3 -c 'from actors.protocol.sse import cursor_of; print(cursor_of(["thread:42", "agent:7", "user:anonymous"], {"thread:42": 1719958453127004}))'
  assert.equal(searchParams.get("last_event_id"), "e4025dbd.61c4b08a0875c.-.-");
});

test("the token travels in the address, and names the user whose topic belongs to the stream", async () => {
  const token = `x.${Buffer.from(JSON.stringify({ sub: "adä" })).toString("base64url")}.y`;
  await opened({ a: 1 }, token);
  assert.equal(newest().url.searchParams.get("token"), token);
  // That makes no topic's name.
  assert.deepEqual(newest().url.searchParams.getAll("topic"), ["a"]);
});

test("the stream's answer is the answer to the client's own requests", async () => {
  const { heard, send } = await opened({ a: 10 });
  await newest().say("hello", { user: "anonymous" });
  await send("subscribe", { topics: { a: { since: 10 } } });
  assert.equal(FakeEventSource.made.length, 1);
  await newest().say("subscribed", { topics: { a: JOINED }, refused: {} });
  assert.deepEqual(
    heard.map(({ type, re }) => [type, re]),
    [
      ["hello", undefined],
      ["subscribed", "ask-subscribe"],
    ],
  );
});

test("a further topic opens the stream anew, with the positions of those it has", async () => {
  const { heard, send } = await opened({ a: 10 });
  await newest().say("subscribed", { topics: { a: { seq: 20, recovered: true, replayed: 1 } }, refused: {} });
  await newest().frame({ topic: "a", type: "note", data: {}, seq: 12, prev: 10 });
  const first = newest();
  await send("subscribe", { topics: { b: {} } });
  assert.equal(first.isClosed, true);
  assert.deepEqual(newest().url.searchParams.getAll("topic"), ["a", "b", "user:anonymous"]);
  assert.match(newest().url.searchParams.get("last_event_id") ?? "", /^[0-9a-f]{8}\.c\.-\.-$/);
  await newest().say("subscribed", { topics: { a: JOINED, b: JOINED }, refused: {} });
  assert.deepEqual(heard.at(-1)?.re, "ask-subscribe");
});

test("a topic that is left is not in the next stream", async () => {
  const { heard, send } = await opened({ a: 10, b: 11 });
  await send("unsubscribe", { topics: ["a"] });
  assert.deepEqual(newest().url.searchParams.getAll("topic"), ["b", "user:anonymous"]);
  assert.deepEqual([heard[0]?.type, heard[0]?.re], ["unsubscribed", "ask-unsubscribe"]);
});

test("an id, or the earliest, is looked up in history first", async () => {
  answers = [
    json(200, { topic: "a", messages: [{ prev: 31 }], seq: 40 }),
    json(200, { topic: "b", messages: [], seq: 41 }),
  ];
  await opened({ a: "earliest", b: "0b6f1d6e-8a51-4f3c-9d55-1f2e3a4b5c6d" });
  assert.match(calls[0]?.url ?? "", /\/api\/ws\/replay\?topic=a&after=earliest&limit=1$/);
  assert.match(newest().url.searchParams.get("last_event_id") ?? "", /\.1f\.29\.-$/);
});

test("an id that history has lost is told as a gap, after the answer", async () => {
  answers = [json(410, { code: "history_lost", oldest: null, seq: 40 })];
  const { heard, send } = await opened({ a: "0b6f1d6e-8a51-4f3c-9d55-1f2e3a4b5c6d" });
  await send("subscribe", { topics: { a: {} } });
  await newest().say("subscribed", { topics: { a: { seq: 40, recovered: true, replayed: 0 } }, refused: {} });
  assert.deepEqual(
    heard.map(({ type, data }) => [type, data]),
    [
      ["subscribed", { topics: { a: { seq: 40, recovered: false, replayed: 0 } }, refused: {} }],
      ["gap", { topic: "a", from: null, to: 40, dropped: null, reason: "history" }],
    ],
  );
});

test("a history that cannot be asked is no reason to begin at now", async () => {
  answers = [json(503, { code: "overloaded", message: "later" })];
  const { ends } = await opened({ a: "earliest" });
  assert.deepEqual(ends, [[1006, "Error: HTTP 503"]]);
  assert.equal(FakeEventSource.made.length, 0);
});

test("a renewed token is answered by the hello of a new stream", async () => {
  const { heard, send } = await opened({ a: 10 }, "old");
  await send("auth", { token: "new" });
  assert.equal(newest().url.searchParams.get("token"), "new");
  await newest().say("hello", {});
  assert.deepEqual([heard.at(-1)?.type, heard.at(-1)?.re], ["hello", "ask-auth"]);
});

test("publications go out one after the other, and their receipts come back as frames", async () => {
  let release = (_answer: Response) => {};
  answers = [
    () => new Promise((resolve) => (release = resolve)),
    json(403, { code: "forbidden", message: "no" }),
    json(401, { code: "unauthorized", message: "expired" }),
  ];
  const { heard, send } = await opened({ a: 10 }, "tok");
  for (const id of ["p1", "p2", "p3", "p4"]) await send("note", {}, "a", id);
  assert.equal(calls.length, 1);
  assert.deepEqual(calls[0]?.init.headers, { "Content-Type": "application/json", Authorization: "Bearer tok" });
  release(new Response(JSON.stringify({ id: "p1", topic: "a", seq: 5, prev: 4, duplicate: false })));
  await turns();
  const told = heard.map(({ type, re, data }) => [
    type,
    re,
    (data as { code?: string; seq?: number }).code ?? (data as { seq: number }).seq,
  ]);
  assert.deepEqual(told, [
    ["published", "p1", 5],
    ["error", "p2", "forbidden"],
    ["error", "p3", "unreachable"],
    ["error", "p4", "unreachable"],
  ]);
});

test("the last event says how the link ends", async () => {
  const { ends } = await opened({ a: 10 });
  newest().ended(4401, "expired");
  assert.deepEqual(ends, [[4401, "expired"]]);
  assert.equal(newest().isClosed, true);
});

test("a stream that breaks off is a link that broke off", async () => {
  const { ends } = await opened({ a: 10 });
  await newest().say("hello", {});
  newest().onerror?.();
  await turns();
  assert.deepEqual(ends, [[1006, ""]]);
});

test("why a stream did not open is asked on another route", async () => {
  for (const [status, code] of [
    [401, 4401],
    [403, 4403],
    [429, 4429],
    [503, 1013],
    [200, 1006],
  ] as const) {
    answers = [json(status, {}, { "Retry-After": "3" })];
    const { ends } = await opened({ a: 10 });
    newest().onerror?.();
    await turns();
    assert.deepEqual(ends, [[code, `HTTP ${status} retry_after=3`]]);
  }
});

test("a link that was let go says nothing more", async () => {
  const { link, heard, ends } = await opened({ a: 10 });
  const source = newest();
  link.close();
  source.ended(1012, "");
  source.onerror?.();
  await turns();
  assert.deepEqual([source.isClosed, heard, ends], [true, [], []]);
});
