/**
 * Every packet in and out, for whoever looks over the client's shoulder: the debug overlay, a test, a console.
 * Owns the ring of the last ones, which records from the client's construction. Secrets are taken out here, at capture.
 */

import type { Clock } from "./environment.js";
import { redacted } from "./redaction.js";

export const PACKETS_KEPT = 200;
export const PAYLOAD_MAX_CHARACTERS = 4096;

export interface FramePacket {
  /** Wall-clock milliseconds. */
  readonly time: number;
  readonly dir: "in" | "out";
  /** UTF-16 units of the text on the wire; its bytes where it is ASCII, as nearly all of it is. */
  readonly size: number;
  /** Null where the text was no envelope. `id` is the trace id, `re` the request that is answered. */
  readonly id: string | null;
  readonly re: string | null;
  readonly topic: string | null;
  readonly type: string | null;
  readonly seq: number | null;
  readonly prev: number | null;
  /** The gateway's `ts` in Unix seconds: `time - 1000 * ts` is how long it took, as far as the two clocks agree. */
  readonly ts: number | null;
  /** The text, without secrets, cut to 4,096 characters. */
  readonly payload: string;
  readonly truncated: boolean;
}

/** Something that happened to the connection: a state of it, or a gap in a topic. */
export interface EventPacket {
  readonly time: number;
  readonly dir: "event";
  readonly event: "idle" | "connecting" | "connected" | "waiting" | "closed" | "gap" | "error";
  readonly detail: string;
  readonly code: number | null;
}

/** What an envelope or a control frame may say of itself. */
export interface PacketFields {
  readonly id?: string;
  readonly re?: string;
  readonly topic?: string;
  readonly type?: string;
  readonly seq?: number;
  readonly prev?: number;
  readonly ts?: number;
}

export type Packet = FramePacket | EventPacket;

export type PacketListener = (packet: Packet) => void;

export class Packets {
  readonly #ring: Packet[] = [];
  readonly #listeners = new Set<PacketListener>();

  constructor(
    private readonly clock: Clock,
    private readonly report: (error: unknown) => void,
  ) {}

  /** The last 200, oldest first. */
  recent(): readonly Packet[] {
    return [...this.#ring];
  }

  /** Hear of every packet from now on; returns what ends it. */
  subscribe(listener: PacketListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `fields` is what `text` says, already parsed by whoever needed it; null where it is no envelope. */
  frame(dir: "in" | "out", text: string, fields: PacketFields | null): void {
    const { id = null, re = null, topic = null, type = null, seq = null, prev = null, ts = null } = fields ?? {};
    const cut = text.slice(0, PAYLOAD_MAX_CHARACTERS);
    const rest = { size: text.length, payload: redacted(cut), truncated: cut.length < text.length };
    this.#record({ time: this.clock.now(), dir, id, re, topic, type, seq, prev, ts, ...rest });
  }

  event(event: EventPacket["event"], detail: string, code: number | null = null): void {
    this.#record({ time: this.clock.now(), dir: "event", event, detail: redacted(detail), code });
  }

  #record(packet: Packet): void {
    this.#ring.push(packet);
    if (this.#ring.length > PACKETS_KEPT) this.#ring.shift();
    for (const listener of this.#listeners) {
      try {
        listener(packet);
      } catch (error) {
        this.report(error);
      }
    }
  }
}
