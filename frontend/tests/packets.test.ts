import assert from "node:assert/strict";
import { test } from "node:test";
import type { FramePacket, Packet } from "../src/index.js";
import { connected, world } from "./support/connected.js";
import { settled } from "./support/manual_environment.js";

function framesOf(packets: readonly Packet[]): FramePacket[] {
  return packets.flatMap((packet) => (packet.dir === "event" ? [] : [packet]));
}

test("every packet is recorded from the client's construction on, in both directions, with its trace id", async () => {
  const { client, environment } = await connected();
  client.subscribe("a");
  await settled();
  await environment.link.join(1);
  await environment.link.message("a", 2, 1);
  const packets = client.packets.recent();
  assert.deepEqual(
    packets.map((packet) => (packet.dir === "event" ? packet.event : `${packet.dir} ${packet.type}`)),
    ["connecting", "connected", "in hello", "out subscribe", "in subscribed", "in note"].sort(
      (a, b) => ORDER(a) - ORDER(b),
    ),
  );
  assert.ok(framesOf(packets).every(({ id }) => typeof id === "string"));
  const { topic, seq, prev, size } = framesOf(packets).at(-1) ?? assert.fail();
  assert.deepEqual([topic, seq, prev], ["a", 2, 1]);
  assert.ok(size > 50);
});

const SEQUENCE = ["connecting", "in hello", "connected", "out subscribe", "in subscribed", "in note"];
const ORDER = (name: string) => SEQUENCE.indexOf(name);

test("no more than two hundred are kept, and no more than 4,096 characters of each", async () => {
  const { client, environment } = await connected();
  for (let seq = 1; seq <= 300; seq++) await environment.link.message("a", seq, seq - 1, { text: "x".repeat(5000) });
  const packets = framesOf(client.packets.recent());
  assert.equal(packets.length, 200);
  assert.deepEqual([packets[0]?.seq, packets.at(-1)?.seq], [101, 300]);
  assert.deepEqual([packets[0]?.payload.length, packets[0]?.truncated], [4096, true]);
});

test("a token is not in the records of the frame that renews it", async () => {
  const { client, environment } = await world({ getToken: () => "s3cr3t" });
  await environment.link.hello({ expires_at: 1_700_000_010 });
  await environment.clock.pass(10_000);
  assert.equal(environment.link.asked("auth").data.token, "s3cr3t");
  assert.ok(!JSON.stringify(client.packets.recent()).includes("s3cr3t"));
});

test("whoever looks on hears of each packet, and no longer than it wants", async () => {
  const { client, environment } = await connected();
  const heard: Packet[] = [];
  const stop = client.packets.subscribe((packet) => heard.push(packet));
  client.packets.subscribe(() => {
    throw new Error("a broken overlay");
  });
  await environment.link.message("a", 1, 0);
  stop();
  await environment.link.message("a", 2, 1);
  assert.equal(heard.length, 1);
  assert.equal(environment.reported.length, 2);
});

test("a text that is no envelope is recorded, told, and harms nothing", async () => {
  const { client, environment } = await connected();
  const errors: string[] = [];
  client.on("error", ({ code }) => errors.push(code));
  for (const text of ["{", "[]", "null", '{"topic":"a","type":"b"}']) await environment.link.text(text);
  assert.equal(errors.length, 4);
  assert.equal(client.status.state, "connected");
});
