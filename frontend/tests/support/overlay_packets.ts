/** Packets as the client would record them, for tests of what the overlay makes of them. */

import type { EventPacket, FramePacket } from "../../src/index.js";

export const NOW = 1_700_000_000_000;

export function frame(fields: Partial<FramePacket> = {}): FramePacket {
  const { seq = 1, topic = "thread:42", type = "note" } = fields;
  const payload = JSON.stringify({ topic, type, seq, data: {} });
  const known = {
    time: NOW,
    dir: "in",
    id: `id-${seq}`,
    re: null,
    prev: null,
    ts: NOW / 1000,
    truncated: false,
  } as const;
  return { ...known, seq, topic, type, payload, size: payload.length, ...fields };
}

/** A control frame from the gateway. */
export function control(type: string, data: unknown): FramePacket {
  return frame({ topic: "system", type, seq: null, payload: JSON.stringify({ topic: "system", type, data }) });
}

export function event(name: EventPacket["event"], detail = "", code: number | null = null): EventPacket {
  return { time: NOW, dir: "event", event: name, detail, code };
}
