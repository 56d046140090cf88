/** What this client needs of the world around it, so that tests can give it another one. */

import type { OpenLink } from "./transport.js";

export interface Clock {
  /** Wall-clock milliseconds: unlike a monotonic clock it goes on while the machine sleeps. */
  now(): number;
  /** Runs once in `ms`; returns what cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** `hidden` and `left` need nothing done by themselves, but that `left` lets go of the connection (bfcache). */
export type PageEvent = "online" | "offline" | "visible" | "hidden" | "left" | "restored";

export interface Page {
  isOnline(): boolean;
  /** Returns what stops listening. */
  listen(handler: (event: PageEvent) => void): () => void;
}

/** Survives a reload of the tab, and nothing more. */
export interface SessionMemory {
  read(): string | null;
  write(value: string | null): void;
}

export interface Environment {
  readonly clock: Clock;
  readonly page: Page;
  readonly memory: SessionMemory;
  /** In [0, 1). */
  random(): number;
  uuid(): string;
  report(error: unknown): void;
  readonly openWebSocket: OpenLink;
  loadEventStream(): Promise<OpenLink>;
}
