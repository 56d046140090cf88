/**
 * What the overlay has taken down, and what of it is to be seen. Owns its own list of the last packets, so that it can stand
 * still and be cleared while the client's ring goes on. Pure: knows no document.
 */

import { type FramePacket, PACKETS_KEPT, type Packet } from "../client/packets.js";
import { type MailboxState, type PingData, type SubscribedData, SYSTEM } from "../wire.js";
import { EVERYTHING, type Filter } from "./filter.js";
import { type FrameRow, type Row, rowOf } from "./rows.js";

interface Entry {
  readonly packet: Packet;
  readonly row: Row | null;
}

export interface View {
  readonly rows: readonly Row[];
  /** Control frames that would be there, were they not hidden. */
  readonly controlHidden: number;
  /** Packets since the record was paused. */
  readonly cameMeanwhile: number;
}

export class Recording {
  filter: Filter = EVERYTHING;
  showsControl = false;
  /** The gateway's last word on this client's mailbox. */
  mailbox: MailboxState | null = null;
  #entries: Entry[] = [];
  /** What is looked at while the record is paused. */
  #still: readonly Entry[] | null = null;
  #cameMeanwhile = 0;
  #count = 0;
  /** The top of each topic when it was last joined: what is not above it was replayed. */
  readonly #joinedAt = new Map<string, number>();

  take(packet: Packet): void {
    const row = rowOf(this.#count++, packet, this.#isReplay(packet));
    if (packet.dir === "in" && packet.topic === SYSTEM) this.#control(packet);
    this.#entries.push({ packet, row });
    if (this.#entries.length > PACKETS_KEPT) this.#entries.shift();
    if (this.#still !== null) this.#cameMeanwhile++;
  }

  get isPaused(): boolean {
    return this.#still !== null;
  }

  set isPaused(isPaused: boolean) {
    this.#still = isPaused ? [...this.#entries] : null;
    this.#cameMeanwhile = 0;
  }

  /** Forget what is shown; while paused, what came meanwhile is kept for when it goes on. */
  clear(): void {
    const shown = new Set(this.#shown);
    this.#entries = this.#entries.filter((entry) => !shown.has(entry));
    if (this.#still !== null) this.#still = [];
  }

  /** Everything that is looked at, filtered or not, oldest first. */
  get packets(): readonly Packet[] {
    return this.#shown.map(({ packet }) => packet);
  }

  /** Latencies of what is looked at, oldest first, in milliseconds. */
  get latenciesMs(): readonly number[] {
    return this.#rows.flatMap((row) => (row.kind === "frame" && row.latencyMs !== null ? [row.latencyMs] : []));
  }

  view(): View {
    // Dividers stay, whatever the filter: they say where in the story one is.
    const found = this.#rows.filter((row) => row.kind === "divider" || this.filter(row.haystack));
    const rows = found.filter((row) => this.showsControl || !isControl(row));
    return { rows, controlHidden: found.length - rows.length, cameMeanwhile: this.#cameMeanwhile };
  }

  get #shown(): readonly Entry[] {
    return this.#still ?? this.#entries;
  }

  get #rows(): Row[] {
    return this.#shown.flatMap(({ row }) => row ?? []);
  }

  #isReplay(packet: Packet): boolean {
    if (packet.dir !== "in" || packet.seq === null) return false;
    return packet.seq <= (this.#joinedAt.get(packet.topic ?? "") ?? 0);
  }

  #control({ type, payload, truncated }: FramePacket): void {
    if (truncated || (type !== "subscribed" && type !== "ping")) return;
    const { data } = JSON.parse(payload) as { readonly data: PingData & SubscribedData };
    if (type === "ping") this.mailbox = data.mailbox;
    else for (const [topic, { seq }] of Object.entries(data.topics)) this.#joinedAt.set(topic, seq);
  }
}

function isControl(row: Row): row is FrameRow {
  return row.kind === "frame" && row.isControl;
}
