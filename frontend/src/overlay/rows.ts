/** What a packet is in the table: a frame with its columns, or a notice across all of them. Pure. */

import type { EventPacket, FramePacket, Packet } from "../client/packets.js";
import { SYSTEM } from "../wire.js";
import { meaningOf } from "./close_codes.js";

interface Shown {
  /** Counts packets: one that leaves the record never gives its key to another. */
  readonly key: number;
  /** All that the filter looks at. */
  readonly haystack: string;
}

export interface FrameRow extends Shown {
  readonly kind: "frame";
  readonly packet: FramePacket;
  readonly isControl: boolean;
  /** Milliseconds from the gateway's `ts` to the arrival; null for what was sent, and for what was replayed from history. */
  readonly latencyMs: number | null;
}

export interface NoticeRow extends Shown {
  readonly kind: "gap" | "divider" | "error";
  readonly packet: EventPacket;
  readonly text: string;
}

export type Row = FrameRow | NoticeRow;

/** `isReplay`: it came from history, so that its `ts` says nothing about the way. Null for events that need no row. */
export function rowOf(key: number, packet: Packet, isReplay: boolean): Row | null {
  if (packet.dir !== "event") return frameRow(key, packet, isReplay);
  const { event, detail, code } = packet;
  if (event === "gap") return notice(key, "gap", packet, gapText(detail));
  if (event === "error") return notice(key, "error", packet, detail);
  if (event === "connected") return notice(key, "divider", packet, "connected");
  if (event === "waiting" || event === "closed") return notice(key, "divider", packet, endText(event, code, detail));
  return null;
}

function frameRow(key: number, packet: FramePacket, isReplay: boolean): FrameRow {
  const { dir, topic, type, seq, id, payload, ts, time } = packet;
  const haystack = [dir, topic, type, seq, id, payload].join(" ");
  const isTimed = dir === "in" && ts !== null && !isReplay;
  const latencyMs = isTimed ? time - 1000 * ts : null;
  return { kind: "frame", key, packet, haystack, isControl: topic === SYSTEM, latencyMs };
}

function notice(key: number, kind: NoticeRow["kind"], packet: EventPacket, text: string): NoticeRow {
  return { kind, key, packet, text, haystack: text };
}

/** `missed 41..57 in thread:42, overflow, 15 dropped, recovered no`: between two positions, of which neither is missing. */
export function gapText(detail: string): string {
  const { topic, from, to, dropped, reason } = JSON.parse(detail) as Record<string, string | number | null>;
  const count = dropped === null ? [] : [`${dropped} dropped`];
  return [`missed ${from ?? "?"}..${to ?? "?"} in ${topic}`, reason, ...count, "recovered no"].join(", ");
}

function endText(event: "waiting" | "closed", code: number | null, detail: string): string {
  const why = [code, code === null ? null : meaningOf(code), detail].filter((part) => part !== null && part !== "");
  return `${event === "closed" ? "closed for good" : "disconnected"}: ${why.join(" · ")}`;
}
