import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { WebSocket as NodeWebSocket, WebSocketServer } from "ws";
import { addressesOf } from "../src/client/addresses.js";
import { browserEnvironment } from "../src/client/browser.js";
import { type WebSocketConstructor, webSocketTransport } from "../src/client/websocket_transport.js";
import { Client } from "../src/index.js";

const DEADLINE = { timeout: 5_000 };
const Socket = NodeWebSocket as unknown as WebSocketConstructor;

/** A gateway's door over a real socket: greets, and answers a subscribe with one message right behind it. */
async function gateway(context: TestContext): Promise<{ server: WebSocketServer; url: string }> {
  const handleProtocols = (offered: Set<string>) => (offered.has("fanwire.v1") ? "fanwire.v1" : false);
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols });
  await once(server, "listening");
  context.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const frame = (type: string, data: object, re?: string) =>
  JSON.stringify({ v: 1, id: "g", topic: "system", type, ts: 1, data, re });
const HELLO = frame("hello", {
  client: "c",
  user: "u",
  heartbeat_s: 30,
  mailbox: {},
  expires_at: null,
  reconnect_jitter_ms: 0,
  epoch: "e",
});

function client(url: string): Client {
  const environment = { ...browserEnvironment(), openWebSocket: webSocketTransport(Socket) };
  return new Client(url, { environment, transport: "websocket", getToken: () => "a.b.c" });
}

test("the token travels as a second subprotocol, and the path is the gateway's", DEADLINE, async (context) => {
  const { server, url } = await gateway(context);
  const made = client(url);
  const [socket, request] = await once(server, "connection");
  assert.equal(request.url, "/api/ws");
  assert.equal(request.headers["sec-websocket-protocol"], "fanwire.v1,fanwire.token.a.b.c");
  socket.send(HELLO);
  await made.ready();
  made.close();
  const [code] = await once(socket, "close");
  assert.equal(code, 1000);
});

test("an answer and the messages right behind it, in one packet, are all taken", DEADLINE, async (context) => {
  const { server, url } = await gateway(context);
  server.on("connection", (socket, request) => {
    socket.send(HELLO);
    socket.on("message", (text) => {
      const { id, type } = JSON.parse(String(text));
      if (type !== "subscribe") return;
      const message = (seq: number) =>
        JSON.stringify({ v: 1, id: "m", topic: "t", type: "n", ts: 1, data: {}, seq, prev: seq - 1 });
      request.socket.cork();
      socket.send(frame("subscribed", { topics: { t: { seq: 3, recovered: true, replayed: 2 } }, refused: {} }, id));
      socket.send(message(2));
      socket.send(message(3));
      request.socket.uncork();
    });
  });
  const made = client(url);
  const seen: number[] = [];
  for await (const { seq } of made.subscribe("t", { since: 1 })) {
    seen.push(seq);
    if (seq === 3) break;
  }
  assert.deepEqual(seen, [2, 3]);
  made.close();
});

test("a close code and its reason come through", DEADLINE, async (context) => {
  const { server, url } = await gateway(context);
  server.on("connection", (socket) => socket.close(4403, "Origin"));
  const made = client(url);
  await assert.rejects(made.ready(), { code: "closed", message: "Origin" });
  assert.equal(made.status.code, 4403);
});

test("a door that nobody opens is a try that failed", DEADLINE, async () => {
  const ended = new Promise<number>((resolve) => {
    const request = { addresses: addressesOf("ws://127.0.0.1:1"), token: null, topics: new Map() };
    webSocketTransport(Socket)(request, { text: () => {}, closed: resolve });
  });
  assert.equal(await ended, 1006);
});
