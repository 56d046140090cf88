/** Packets as JSON Lines, to be kept, sent to somebody, and read again: the fields are in docs/browser-client.md. Pure. */

import type { Packet } from "../client/packets.js";

export const FORMAT_VERSION = 1;

/** One object a line, oldest first, each with the version `v`; the empty text for no packets. */
export function jsonlOf(packets: readonly Packet[]): string {
  return packets.map((packet) => `${JSON.stringify({ v: FORMAT_VERSION, ...packet })}\n`).join("");
}

/** `fanwire-2026-11-25T19-48-00Z.jsonl`: no colons, which some file systems refuse. */
export function fileNameAt(nowMs: number): string {
  const moment = new Date(nowMs).toISOString().replace(/\.\d+/, "").replaceAll(":", "-");
  return `fanwire-${moment}.jsonl`;
}
