/** The front door: one client per page and gateway. Puts the parts together and hands each frame to the one it is for. */

import { CloseCode, type Envelope, type HelloData, type PingData, type Since } from "../wire.js";
import { addressesOf } from "./addresses.js";
import { browserEnvironment } from "./browser.js";
import { Connection } from "./connection.js";
import { type Debug, type DebugDoor, debugDoor } from "./debug.js";
import type { Environment } from "./environment.js";
import { FanwireError } from "./errors.js";
import type { ControlFrame, Incoming } from "./incoming.js";
import { Listeners } from "./listeners.js";
import { control, publication, textOf } from "./outgoing.js";
import { Packets } from "./packets.js";
import { PUBLISH_MS, Publications, type Published } from "./publications.js";
import { Renewal } from "./renewal.js";
import { Requests } from "./requests.js";
import type { Status } from "./status.js";
import type { Gap, Subscription } from "./subscription.js";
import { Subscriptions } from "./subscriptions.js";
import { type GetToken, TokenSource } from "./token.js";
import type { EventsOf } from "./topic_map.js";
import { TransportChoice, type TransportMode } from "./transport_choice.js";

const PROBE_MS = 5_000;

export interface ClientOptions {
  /** Called on every connect, before the token expires and after it was refused; never twice at a time. */
  readonly getToken?: GetToken;
  /** `auto` (the default) begins with a WebSocket and falls back to server-sent events. */
  readonly transport?: TransportMode;
  /** Milliseconds from a try to the gateway's first word, getToken included. Default: 10,000. */
  readonly connectTimeoutMs?: number;
  /** How many publications may wait for their answer; more are refused with `overloaded`. Default: 100. */
  readonly maxPublications?: number;
  /** False: wait for `connect()`. Default: connect at the end of the turn in which the client was made. */
  readonly autoConnect?: boolean;
  /** The world to live in, for tests. */
  readonly environment?: Environment;
}

export interface SubscribeRequest {
  /** Begin after this: a `seq` or an `id`, `"earliest"`, or absent for what comes from now on. */
  readonly since?: Since;
}

export interface PublishRequest {
  /** A uuid4 of your own; the same one again within five minutes is stored once. */
  readonly id?: string;
  /** What the message is about, for namespaces that keep only the newest per key. */
  readonly key?: string;
  /** Give up after this many milliseconds. Default: 30,000; at most 240,000. */
  readonly timeoutMs?: number;
}

export interface ClientEvents {
  state: Status;
  /** A gap in any topic. */
  gap: Gap;
  /** The gateway's view of this client, in every ping: how many messages wait for it, the most that did, and how many it lost. */
  mailbox: PingData["mailbox"];
  /** An error that answers no request. */
  error: FanwireError;
}

interface Ready {
  readonly resolve: () => void;
  readonly reject: (error: FanwireError) => void;
}

/** `Topics` maps patterns of topics to their types and payloads; see topic_map.ts. Without it everything is `unknown`. */
export class Client<Topics = Record<never, never>> {
  /** Every packet in and out: for debug tools. */
  readonly packets: Packets;
  readonly #debug: DebugDoor = debugDoor(this);
  readonly #environment: Environment;
  readonly #listeners: Listeners<ClientEvents>;
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #publications: Publications;
  readonly #subscriptions: Subscriptions;
  readonly #renewal: Renewal;
  readonly #waiting: Ready[] = [];
  #stopListening: () => void = () => {};
  #isProbing = false;

  /** `url`: the gateway, e.g. `https://host`, `wss://host/api/ws`, or `/` for the page's own. Throws: TypeError for a bad one. */
  constructor(url: string, options: ClientOptions = {}) {
    const environment = options.environment ?? browserEnvironment();
    this.#environment = environment;
    const tokens = new TokenSource(options.getToken);
    this.packets = new Packets(environment.clock, environment.report);
    this.#listeners = new Listeners(environment.report);
    this.#connection = new Connection(
      {
        environment,
        addresses: addressesOf(url, globalThis.location?.href),
        tokens,
        choice: new TransportChoice(options.transport ?? "auto", environment.memory),
        packets: this.packets,
        connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      },
      {
        up: (hello, ts) => this.#up(hello, ts),
        incoming: (incoming) => this.#incoming(incoming),
        down: () => this.#down(),
        status: (status) => this.#become(status),
        suspect: () => this.#probe(),
        topics: () => this.#subscriptions.wanted(),
      },
    );
    const send = this.#connection.send.bind(this.#connection);
    this.#requests = new Requests(environment, send);
    this.#publications = new Publications(environment, send, options.maxPublications ?? 100);
    this.#subscriptions = new Subscriptions(environment, this.#requests, {
      gap: (gap) => this.#gap(gap),
      unanswered: () => this.#connection.drop(CloseCode.NO_SIGN_OF_LIFE, "the gateway did not answer"),
    });
    this.#renewal = new Renewal(environment, tokens, this.#requests, {
      renewed: (token, hello) => this.#connection.renewed(token, hello),
      refused: () => this.#connection.drop(CloseCode.RESTART, "the new token needs a connection of its own"),
    });
    if (options.autoConnect !== false) queueMicrotask(() => this.status.state === "idle" && this.connect());
  }

  get status(): Status {
    return this.#connection.status;
  }

  on<Name extends keyof ClientEvents>(name: Name, handler: (event: ClientEvents[Name]) => void): () => void {
    return this.#listeners.on(name, handler);
  }

  off<Name extends keyof ClientEvents>(name: Name, handler: (event: ClientEvents[Name]) => void): void {
    this.#listeners.off(name, handler);
  }

  /** The debug overlay, for a button or a console. */
  get debug(): Debug {
    return this.#debug;
  }

  /** Ctrl+Shift+D toggles the debug overlay from now on; `?fanwire_debug` or `#fanwire_debug` in the address opens it at once. */
  enableDebugOverlay(): void {
    this.#debug.enable();
  }

  /** Connect, also again after `closed`: subscriptions that were not ended go on from their positions. */
  connect(): void {
    this.#stopListening();
    this.#stopListening = this.#environment.page.listen((event) => this.#connection.page(event));
    this.#connection.open();
  }

  /** Resolves when connected; rejects with FanwireError `closed` when there will be no more tries. */
  ready(): Promise<void> {
    const { state, message } = this.status;
    if (state === "connected") return Promise.resolve();
    if (state === "closed") return Promise.reject(new FanwireError("closed", message ?? "closed"));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /**
   * Follow a topic. Attach handlers in the same turn: messages come from the next one on. There is one subscription per topic;
   * a second call returns the first one's, and `unsubscribe` ends it for both.
   */
  subscribe<Topic extends string>(
    topic: Topic,
    { since = null }: SubscribeRequest = {},
  ): Subscription<EventsOf<Topics, Topic>> {
    return this.#subscriptions.add(topic, since) as unknown as Subscription<EventsOf<Topics, Topic>>;
  }

  /**
   * Resolves when the gateway has stored the message. Without an answer it is sent again after a reconnect, under the same id.
   * Rejects with FanwireError: the gateway's refusal, or `overloaded`, `too_large`, `timeout`, `closed` of this client.
   */
  async publish<Topic extends string, Type extends keyof EventsOf<Topics, Topic> & string>(
    topic: Topic,
    type: Type,
    data?: EventsOf<Topics, Topic>[Type],
    { id = this.#environment.uuid(), key, timeoutMs = PUBLISH_MS }: PublishRequest = {},
  ): Promise<Published> {
    if (this.status.state === "closed") throw new FanwireError("closed", "the client is closed", topic);
    return this.#publications.publish(publication(id, topic, type, data, key), timeoutMs);
  }

  /** Leave for good: subscriptions and loops end, what waits for an answer is rejected. */
  close(): void {
    this.#subscriptions.end();
    this.#connection.close(CloseCode.NORMAL, "closed by the page");
  }

  #up(hello: HelloData, ts: number): void {
    this.#renewal.plan(hello, ts);
    this.#subscriptions.up(hello.epoch);
    this.#publications.resend();
  }

  #down(): void {
    this.#isProbing = false;
    this.#renewal.stop();
    this.#requests.lost();
    this.#subscriptions.down();
  }

  #become(status: Status): void {
    if (status.state === "connected") for (const ready of this.#waiting.splice(0)) ready.resolve();
    if (status.state === "closed") this.#halt(new FanwireError("closed", status.message ?? "closed"));
    this.#listeners.emit("state", status);
  }

  #halt(error: FanwireError): void {
    this.#stopListening();
    this.#renewal.stop();
    this.#requests.lost();
    this.#subscriptions.halt(error);
    this.#publications.end(error.message);
    for (const ready of this.#waiting.splice(0)) ready.reject(error);
  }

  #incoming(incoming: Incoming): void {
    if (incoming.kind === "message") this.#message(incoming.message);
    else if (incoming.kind === "control") this.#control(incoming.frame);
    else this.#error(new FanwireError("bad_json", `the gateway sent what is ${incoming.flaw}`));
  }

  #message(message: Envelope): void {
    this.#subscriptions.message(message);
  }

  #control(frame: ControlFrame): void {
    if (this.#requests.take(frame) || this.#publications.take(frame)) return;
    this.#subscriptions.control(frame);
    if (frame.type === "ping") this.#pong(frame.data);
    else if (frame.type === "error")
      this.#error(new FanwireError(frame.data.code, frame.data.message, frame.data.topic));
  }

  #pong({ mailbox }: PingData): void {
    const frame = control(this.#environment.uuid(), "pong", { seen: this.#subscriptions.seen() });
    this.#connection.send(frame, textOf(frame));
    this.#listeners.emit("mailbox", mailbox);
  }

  #gap(gap: Gap): void {
    this.packets.event("gap", JSON.stringify(gap));
    this.#listeners.emit("gap", gap);
  }

  #error(error: FanwireError): void {
    this.packets.event("error", `${error.code}: ${error.message}`);
    this.#listeners.emit("error", error);
  }

  /** Ask for nothing, and see whether an answer comes; a stream of events cannot be asked, and is made anew. */
  #probe(): void {
    if (this.#connection.kind === "sse") this.#connection.drop(CloseCode.NO_SIGN_OF_LIFE, "the stream may have died");
    if (this.#isProbing || this.status.state !== "connected") return;
    this.#isProbing = true;
    const done = () => {
      this.#isProbing = false;
    };
    this.#requests.ask("subscribe", { topics: {} }, { deadlineMs: PROBE_MS }).then(done, (error: FanwireError) => {
      done();
      if (error.code === "timeout") this.#connection.drop(CloseCode.NO_SIGN_OF_LIFE, "the gateway did not answer");
    });
  }
}
