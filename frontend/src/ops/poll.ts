/** Asks for a snapshot slightly slower than there are new ones, one request at a time. Owns the timer and the token. */

import { authorization } from "../page/access.js";
import type { Setting, Snapshot } from "./snapshot.js";

/** The gateway makes one a second: asked for at that very pace, every second answer would be an old one. */
const PERIOD_MS = 1_100;
const PATIENCE_MS = 5_000;

export type Trouble =
  | { readonly kind: "denied"; readonly message: string }
  | { readonly kind: "unreachable"; readonly message: string };

export interface PollListener {
  snapshot(snapshot: Snapshot): void;
  trouble(trouble: Trouble): void;
}

export class Poll {
  #token: string | null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isPaused = false;
  #lastTime = 0;
  #generation = 0;

  constructor(
    token: string | null,
    private readonly listener: PollListener,
  ) {
    this.#token = token;
  }

  get token(): string | null {
    return this.#token;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Begin, or begin anew with another token. */
  start(token: string | null = this.#token): void {
    this.#token = token;
    this.#lastTime = 0;
    this.#next(0);
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (isPaused) clearTimeout(this.#timer);
    else this.#next(0);
  }

  /** Throws: Error where there is no answer to be had. */
  async settings(): Promise<readonly Setting[]> {
    const answer = await this.#get("/api/ops/config");
    if (!answer.ok) throw new Error(await whyNot(answer));
    return (await answer.json()).settings;
  }

  #next(delayMs: number): void {
    clearTimeout(this.#timer);
    const generation = ++this.#generation;
    this.#timer = setTimeout(() => this.#ask(generation), delayMs);
  }

  async #ask(generation: number): Promise<void> {
    const outcome = await this.#snapshot();
    // Paused, or begun anew, while this answer was on its way.
    if (generation !== this.#generation || this.#isPaused) return;
    outcome();
    const isDenied = generation !== this.#generation;
    if (!isDenied) this.#next(PERIOD_MS);
  }

  /** What the answer means, to be done if it is still wanted. */
  async #snapshot(): Promise<() => void> {
    try {
      const answer = await this.#get("/api/ops/snapshot");
      if (answer.status === 401 || answer.status === 403) return this.#denied(await whyNot(answer));
      if (!answer.ok) throw new Error(await whyNot(answer));
      const snapshot: Snapshot = await answer.json();
      return () => this.#show(snapshot);
    } catch (error) {
      return () => this.listener.trouble({ kind: "unreachable", message: (error as Error).message });
    }
  }

  #show(snapshot: Snapshot): void {
    if (snapshot.time === this.#lastTime) return;
    this.#lastTime = snapshot.time;
    this.listener.snapshot(snapshot);
  }

  /** Asking again with the same token would only fill the gateway's log. */
  #denied(message: string): () => void {
    return () => {
      this.#generation += 1;
      this.listener.trouble({ kind: "denied", message });
    };
  }

  #get(path: string): Promise<Response> {
    return fetch(path, { headers: authorization(this.#token), signal: AbortSignal.timeout(PATIENCE_MS) });
  }
}

async function whyNot(answer: Response): Promise<string> {
  const { message } = await answer.json().catch(() => ({ message: undefined }));
  return typeof message === "string" ? message : `HTTP ${answer.status}`;
}
