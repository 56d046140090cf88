/** A world in which time passes, the network answers and the page changes only when a test says so. */

import type { Clock, Environment, PageEvent } from "../../src/client/environment.js";
import type { Link, LinkListener, LinkRequest, OpenLink } from "../../src/client/transport.js";
import { CloseCode, type FromGateway } from "../../src/wire.js";

/** Lets every promise that is settled be heard: no time passes, only turns. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

export class ManualClock implements Clock {
  time = 1_700_000_000_000;
  private readonly timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.time;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.time + ms, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  get pending(): number {
    return this.timers.size;
  }

  /** Every timer that is due within `ms` runs at its time, and what it sets off is settled. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    await settled();
    for (let due = this.next(end); due !== undefined; due = this.next(end)) {
      this.time = Math.max(this.time, due.at);
      this.timers.delete(due);
      due.run();
      await settled();
    }
    this.time = end;
  }

  /** The machine sleeps: the wall clock goes on, timers do not. */
  async sleep(ms: number): Promise<void> {
    this.time += ms;
    await this.pass(0);
  }

  private next(end: number) {
    return [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}

export interface SentFrame {
  readonly id: string;
  readonly topic: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** The gateway's end of one link. */
export class FakeLink implements Link {
  readonly sent: SentFrame[] = [];
  isClosed = false;

  constructor(
    readonly request: LinkRequest,
    private readonly listener: LinkListener,
  ) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.isClosed = true;
  }

  /** The gateway hangs up. */
  async end(code: number, reason = ""): Promise<void> {
    this.listener.closed(code, reason);
    await settled();
  }

  async text(text: string): Promise<void> {
    this.listener.text(text);
    await settled();
  }

  say<Kind extends keyof FromGateway>(type: Kind, data: FromGateway[Kind], re?: string): Promise<void> {
    return this.text(JSON.stringify({ v: 1, id: `g-${type}`, topic: "system", type, ts: 1_700_000_000, data, re }));
  }

  hello(more: Partial<FromGateway["hello"]> = {}): Promise<void> {
    const mailbox = { messages: 500, bytes: 1_048_576 };
    return this.say("hello", {
      ...{
        client: "c",
        user: "ada",
        heartbeat_s: 30,
        mailbox,
        expires_at: null,
        reconnect_jitter_ms: 1000,
        epoch: "e",
      },
      ...more,
    });
  }

  ping(): Promise<void> {
    return this.say("ping", { seen: {}, mailbox: { depth: 0, high_water: 0, dropped: 0 } });
  }

  /** The last frame of that type that the client has sent. */
  asked(type: string): SentFrame {
    const found = this.sent.filter((frame) => frame.type === type).at(-1);
    if (found === undefined) throw new Error(`no ${type} was sent, only: ${this.sent.map((frame) => frame.type)}`);
    return found;
  }

  /** Answer the last subscribe: every topic at `seq`, nothing missed. */
  join(seq: number, more: { recovered?: boolean; replayed?: number } = {}): Promise<void> {
    const { id, data } = this.asked("subscribe");
    const answer = { seq, recovered: true, replayed: 0, ...more };
    const topics = Object.fromEntries(Object.keys(data.topics as object).map((topic) => [topic, answer]));
    return this.say("subscribed", { topics, refused: {} }, id);
  }

  message(topic: string, seq: number, prev: number, data: unknown = {}): Promise<void> {
    return this.text(JSON.stringify({ v: 1, id: `m-${seq}`, topic, type: "note", ts: 1_700_000_000, data, seq, prev }));
  }
}

export class ManualEnvironment implements Environment {
  readonly clock = new ManualClock();
  readonly links: FakeLink[] = [];
  readonly streams: FakeLink[] = [];
  readonly reported: unknown[] = [];
  isOnline = true;
  randomly = 0.5;
  remembered: string | null = null;
  private ids = 0;
  private readonly handlers = new Set<(event: PageEvent) => void>();

  readonly page = {
    isOnline: () => this.isOnline,
    listen: (handler: (event: PageEvent) => void) => {
      this.handlers.add(handler);
      return () => this.handlers.delete(handler);
    },
  };

  readonly memory = {
    read: () => this.remembered,
    write: (value: string | null) => {
      this.remembered = value;
    },
  };

  readonly openWebSocket = this.opener(this.links);
  readonly random = () => this.randomly;
  readonly uuid = () => `id-${++this.ids}`;
  readonly report = (error: unknown) => void this.reported.push(error);
  readonly loadEventStream = () => Promise.resolve(this.opener(this.streams));

  /** The newest link over a WebSocket. */
  get link(): FakeLink {
    const newest = this.links.at(-1);
    if (newest === undefined) throw new Error("the client has opened no WebSocket");
    return newest;
  }

  get stream(): FakeLink {
    const newest = this.streams.at(-1);
    if (newest === undefined) throw new Error("the client has opened no stream of events");
    return newest;
  }

  async happens(event: PageEvent): Promise<void> {
    for (const handler of [...this.handlers]) handler(event);
    await settled();
  }

  /** A WebSocket that never gets through. */
  async blocked(): Promise<void> {
    await this.link.end(1006);
  }

  private opener(links: FakeLink[]): OpenLink {
    return (request, listener) => {
      const link = new FakeLink(request, listener);
      links.push(link);
      return link;
    };
  }
}

export const RESTART = CloseCode.RESTART;
