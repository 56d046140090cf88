/** The state machine: one link at a time, made again when it is lost. Owns the status, the link and the count of tries. */

import { CloseCode, type HelloData } from "../wire.js";
import type { Addresses } from "./addresses.js";
import { LASTED_MS } from "./back_off.js";
import type { Environment, PageEvent } from "./environment.js";
import { decode, fieldsOf, type Incoming } from "./incoming.js";
import { Liveness } from "./liveness.js";
import type { OutFrame } from "./outgoing.js";
import type { Packets } from "./packets.js";
import { retryDelayMs } from "./retry_delay.js";
import type { Status } from "./status.js";
import type { TokenSource } from "./token.js";
import type { Link, LinkRequest } from "./transport.js";
import type { TransportChoice, TransportKind } from "./transport_choice.js";
import { type Verdict, verdictOf } from "./verdict.js";

const BROKEN_OFF = 1006;
const SLEEP_MS = { websocket: 10_000, sse: 120_000 } as const;

export interface ConnectionListener {
  /** The gateway's first word on a new link; `ts` is its clock, in Unix seconds. */
  up(hello: HelloData, ts: number): void;
  incoming(incoming: Incoming): void;
  down(): void;
  status(status: Status): void;
  /** The link may be dead: ask the gateway something. */
  suspect(): void;
  topics(): LinkRequest["topics"];
}

export interface ConnectionParts {
  readonly environment: Environment;
  readonly addresses: Addresses;
  readonly tokens: TokenSource;
  readonly choice: TransportChoice;
  readonly packets: Packets;
  readonly connectTimeoutMs: number;
}

export class Connection {
  status: Status = { state: "idle" };
  readonly #liveness: Liveness;
  #link: Link | null = null;
  /** What the current link, or the current try for one, is made of. */
  #transport: TransportKind | null = null;
  /** Counts links, so that what a former one says late is known for that. */
  #generation = 0;
  #attempt = 0;
  #upAt: number | null = null;
  #notBefore = 0;
  #drainDue: number | null = null;
  #spreadMs = 0;
  #token: string | null = null;
  #refusedToken: string | null | undefined;
  #cancelTimer: () => void = () => {};

  constructor(
    private readonly parts: ConnectionParts,
    private readonly listener: ConnectionListener,
  ) {
    this.#liveness = new Liveness(parts.environment.clock, {
      dead: () => this.drop(CloseCode.NO_SIGN_OF_LIFE, "the gateway has fallen silent"),
      suspect: () => this.#suspect(),
    });
  }

  /** Connect, where that is not under way already. */
  open(): void {
    if (this.status.state === "idle" || this.status.state === "closed") this.#attempt = 0;
    if (this.status.state !== "connecting" && this.status.state !== "connected") this.#dial();
  }

  close(code: number, message: string): void {
    if (this.status.state === "closed") return;
    this.#letGo();
    this.#become({ state: "closed", code, message });
  }

  /** Give up this link and make another one, as if the gateway had closed it with `code`. */
  drop(code: number, message: string): void {
    if (this.#link !== null) this.#lost(code, message);
  }

  /** False where there is nobody to send to. */
  send(frame: OutFrame, text: string): boolean {
    if (this.#upAt === null || this.#link === null) return false;
    this.parts.packets.frame("out", text, frame);
    this.#link.send(text);
    return true;
  }

  get kind(): TransportKind | null {
    return this.#transport;
  }

  /** The token that a renewal put in the place of the one the link was made with. */
  renewed(token: string, spoken: HelloData): void {
    this.#token = token;
    this.#spreadMs = spoken.reconnect_jitter_ms;
  }

  page(event: PageEvent): void {
    const { state } = this.status;
    if (state === "idle" || state === "closed") return;
    if (event === "left") this.#rest("the page was left");
    else if (event === "offline" && state === "waiting") this.#rest("the browser is offline");
    else if (state === "connected" && (event === "online" || event === "visible")) this.#suspect();
    else if (state === "waiting" && event !== "hidden" && event !== "offline") this.#hurry();
  }

  #suspect(): void {
    if (this.#upAt !== null) this.listener.suspect();
  }

  /** The page has reason to hope: do not sit the back-off out, but for what the gateway asked for. */
  #hurry(): void {
    const leftMs = this.#notBefore - this.parts.environment.clock.now();
    if (!this.#isOnline) return;
    if (leftMs <= 0) this.#dial();
    else if (this.status.retryInMs === undefined)
      this.#wait(leftMs, this.status.code ?? BROKEN_OFF, this.status.message ?? "");
  }

  #rest(message: string): void {
    const wasUp = this.#upAt !== null;
    this.#letGo();
    if (wasUp) this.listener.down();
    this.#become({ state: "waiting", message });
  }

  #dial(): void {
    this.#letGo();
    const kind = this.parts.choice.kind;
    const generation = this.#generation;
    this.#become({ state: "connecting", transport: kind });
    this.#cancelTimer = this.parts.environment.clock.after(this.parts.connectTimeoutMs, () => this.#hung());
    this.#makeLink(kind, generation).catch((error: Error) => {
      if (generation === this.#generation) this.#lost(BROKEN_OFF, error.message);
    });
  }

  async #makeLink(kind: TransportKind, generation: number): Promise<void> {
    const { tokens, environment, addresses } = this.parts;
    const token = await tokens.get(this.#refusedToken === undefined ? "connect" : "refused");
    if (generation !== this.#generation) return;
    if (token === this.#refusedToken) {
      this.close(CloseCode.UNAUTHORIZED, "getToken gave the token that was refused");
      return;
    }
    this.#token = token;
    this.#transport = kind;
    const open = kind === "sse" ? await environment.loadEventStream() : environment.openWebSocket;
    if (generation !== this.#generation) return;
    this.#link = open(
      { addresses, token, topics: this.listener.topics() },
      {
        text: (text) => generation === this.#generation && this.#take(text),
        closed: (code, reason) => generation === this.#generation && this.#lost(code, reason),
      },
    );
  }

  #hung(): void {
    this.parts.tokens.forget();
    this.#lost(BROKEN_OFF, this.#transport === null ? "getToken took too long" : "the gateway did not answer in time");
  }

  #take(text: string): void {
    const incoming = decode(text);
    this.parts.packets.frame("in", text, fieldsOf(incoming));
    this.#liveness.heard();
    if (incoming.kind !== "control") this.listener.incoming(incoming);
    else if (incoming.frame.type === "hello" && this.#upAt === null)
      this.#greeted(incoming.frame.data, incoming.frame.ts);
    else if (incoming.frame.type === "reconnect") this.#drained(incoming.frame.data.after_ms);
    else this.listener.incoming(incoming);
  }

  #greeted(hello: HelloData, ts: number): void {
    const { clock } = this.parts.environment;
    const transport = this.#transport ?? "websocket";
    this.#cancelTimer();
    this.#upAt = clock.now();
    this.#refusedToken = undefined;
    this.#spreadMs = hello.reconnect_jitter_ms;
    this.parts.choice.opened(transport);
    this.#liveness.start(
      transport === "sse" ? Number.POSITIVE_INFINITY : hello.heartbeat_s * 1000,
      SLEEP_MS[transport],
    );
    this.#become({ state: "connected", transport });
    // A listener of the status may have closed the client meanwhile.
    if (this.#upAt !== null) this.listener.up(hello, ts);
  }

  #drained(afterMs: number): void {
    const { clock } = this.parts.environment;
    this.#drainDue = clock.now() + afterMs;
    this.#cancelTimer = clock.after(afterMs, () => this.drop(CloseCode.RESTART, "the gateway drains"));
  }

  #lost(code: number, reason: string): void {
    const upAt = this.#upAt;
    const transport = this.#transport;
    const drainDue = this.#drainDue;
    const now = this.parts.environment.clock.now();
    this.#letGo();
    if (upAt !== null && now - upAt >= LASTED_MS) this.#attempt = 0;
    if (upAt !== null) this.listener.down();
    else if (transport !== null && code === BROKEN_OFF && this.#isOnline) this.parts.choice.failed(transport);
    // Whoever listens to `down` may have closed the client.
    if (this.status.state === "closed") return;
    this.#judge(verdictOf(code, reason), code, reason, drainDue === null ? null : drainDue - now);
  }

  #judge(verdict: Verdict, code: number, message: string, drainLeftMs: number | null): void {
    const mayRenew = verdict.kind === "new_token" && this.parts.tokens.canRenew;
    if (verdict.kind === "stop" || (verdict.kind === "new_token" && !mayRenew)) {
      this.#become({ state: "closed", code, message });
      return;
    }
    if (verdict.kind === "new_token") this.#refusedToken = this.#token;
    const { atOnce, atLeastMs } = verdict.kind === "retry" ? verdict : { atOnce: true, atLeastMs: 0 };
    const random = this.parts.environment.random();
    const tries = { attempt: this.#attempt, spreadMs: this.#spreadMs, random, drainLeftMs };
    const delayMs = retryDelayMs({ code, atOnce, atLeastMs, ...tries });
    this.#attempt += 1;
    this.#notBefore = this.parts.environment.clock.now() + Math.max(atLeastMs, drainLeftMs ?? 0);
    this.#wait(delayMs, code, message);
  }

  #wait(delayMs: number, code: number, message: string): void {
    if (!this.#isOnline) {
      this.#become({ state: "waiting", code, message: "the browser is offline" });
      return;
    }
    this.#cancelTimer = this.parts.environment.clock.after(delayMs, () => this.#dial());
    this.#become({ state: "waiting", code, message, retryInMs: delayMs });
  }

  get #isOnline(): boolean {
    return this.parts.environment.page.isOnline();
  }

  #letGo(): void {
    this.#generation += 1;
    this.#cancelTimer();
    this.#liveness.stop();
    this.#link?.close();
    this.#link = null;
    this.#transport = null;
    this.#upAt = null;
    this.#drainDue = null;
  }

  #become(status: Status): void {
    this.status = status;
    this.parts.packets.event(status.state, status.message ?? "", status.code);
    this.listener.status(status);
  }
}
