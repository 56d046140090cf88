/** One topic that this page follows. Owns its place in the topic's chain, from which it resumes on every new link. */

import type { Envelope, GapData, JoinedData, Since } from "../wire.js";
import { FanwireError } from "./errors.js";
import { Listeners, type Report } from "./listeners.js";
import { ITERATOR_MESSAGES, MessageIterator } from "./message_iterator.js";
import { afterGap, NOWHERE, type Place, placeAt, stepTo } from "./position.js";
import type { AnyEvents, MessageOf } from "./topic_map.js";

export type SubscriptionState = "unsubscribed" | "subscribing" | "subscribed";

export interface SubscriptionStatus {
  readonly state: SubscriptionState;
  /** Why it is `unsubscribed`, where the gateway refused. */
  readonly error?: FanwireError;
}

/**
 * Messages that will not come. `overflow` and `history` are the gateway's word (`dropped` null: nobody knows how many);
 * `chain`: the client found `prev` to be another message than the last one. A namespace whose policy is `latest`
 * skips states on purpose, and that looks like `chain` too.
 */
export interface Gap {
  readonly topic: string;
  readonly from: number | null;
  readonly to: number | null;
  readonly dropped: number | null;
  readonly reason: GapData["reason"] | "chain";
}

export interface SubscriptionEvents<Message> {
  message: Message;
  gap: Gap;
  state: SubscriptionStatus;
}

/** What a subscription needs of its client. */
export interface SubscriptionOwner {
  readonly report: Report;
  leave(subscription: Subscription): void;
  gap(gap: Gap): void;
}

interface Ready {
  readonly resolve: () => void;
  readonly reject: (error: FanwireError) => void;
}

export class Subscription<Events = AnyEvents> implements AsyncIterable<MessageOf<Events>> {
  status: SubscriptionStatus = { state: "unsubscribed" };
  readonly #listeners: Listeners<SubscriptionEvents<MessageOf<Events>>>;
  readonly #iterators = new Set<MessageIterator<MessageOf<Events>>>();
  readonly #waiting: Ready[] = [];
  #place: Place;
  /** Where live messages begin, when the gateway could not resume: the position once its `gap` has come. */
  #beginsAt: number | null = null;
  #last: string | null = null;

  /** @internal */
  constructor(
    readonly topic: string,
    private readonly firstSince: Since,
    private readonly owner: SubscriptionOwner,
  ) {
    this.#listeners = new Listeners(owner.report);
    this.#place = typeof firstSince === "number" ? placeAt(firstSince) : NOWHERE;
  }

  /** Handlers run in the order of the topic, each message once. Returns what removes the handler again. */
  on<Name extends keyof SubscriptionEvents<MessageOf<Events>>>(
    name: Name,
    handler: (event: SubscriptionEvents<MessageOf<Events>>[Name]) => void,
  ): () => void {
    return this.#listeners.on(name, handler);
  }

  off<Name extends keyof SubscriptionEvents<MessageOf<Events>>>(
    name: Name,
    handler: (event: SubscriptionEvents<MessageOf<Events>>[Name]) => void,
  ): void {
    this.#listeners.off(name, handler);
  }

  /** The `seq` of the last message whose handlers have run; null before the first answer. Give it as `since` to go on from there. */
  get position(): number | null {
    return this.#place.seq;
  }

  /** Resolves when the gateway has said `subscribed`; rejects with FanwireError where it refuses, or where the page leaves. */
  ready(): Promise<void> {
    const { state, error } = this.status;
    if (state === "subscribed") return Promise.resolve();
    if (state === "unsubscribed")
      return Promise.reject(error ?? new FanwireError("unsubscribed", "not subscribed", this.topic));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  unsubscribe(): void {
    this.owner.leave(this as unknown as Subscription);
  }

  /**
   * Messages from this call on, through a queue of 1,000: a loop that falls further behind ends with the error
   * `slow_iterator`. The position counts queued messages as handled.
   */
  [Symbol.asyncIterator](): MessageIterator<MessageOf<Events>> {
    const iterator = new MessageIterator<MessageOf<Events>>(ITERATOR_MESSAGES, (ended) =>
      this.#iterators.delete(ended),
    );
    if (this.status.state === "unsubscribed") iterator.end();
    else this.#iterators.add(iterator);
    return iterator;
  }

  /** What to ask for on a new link. @internal */
  get since(): Since {
    return this.#place.seq ?? this.firstSince;
  }

  /** The id of the last message handled, for the gateway's books. @internal */
  get lastId(): string | null {
    return this.#last;
  }

  /** @internal */
  asked(): void {
    this.#beginsAt = null;
    if (this.status.state !== "subscribing") this.#become({ state: "subscribing" });
  }

  /** @internal */
  joined({ seq, recovered, replayed }: JoinedData): void {
    if (!recovered) this.#beginsAt = seq;
    // While a replay is still on its way, the position is that of what has been handled.
    else if (replayed === 0 && seq >= (this.#place.seq ?? 0)) this.#place = placeAt(seq);
    this.#become({ state: "subscribed" });
    for (const ready of this.#waiting.splice(0)) ready.resolve();
  }

  /** @internal */
  ended(error: FanwireError | null): void {
    this.#become(error === null ? { state: "unsubscribed" } : { state: "unsubscribed", error });
    this.fail(error ?? new FanwireError("unsubscribed", "the page has left the topic", this.topic));
    for (const iterator of [...this.#iterators]) iterator.end(error);
  }

  /** Whoever waits for `ready` has waited for nothing. @internal */
  fail(error: FanwireError): void {
    for (const ready of this.#waiting.splice(0)) ready.reject(error);
  }

  /** @internal */
  take(message: Envelope): void {
    // Before `subscribed`, a message of the user's own topic may come that the replay will bring again, in order.
    if (this.status.state !== "subscribed") return;
    const step = stepTo(this.#place, message.seq, message.prev);
    if (step.kind === "duplicate") return;
    if (step.missed !== null) this.#tell({ topic: this.topic, ...step.missed, dropped: null, reason: "chain" });
    const typed = message as unknown as MessageOf<Events>;
    this.#listeners.emit("message", typed);
    for (const iterator of [...this.#iterators]) iterator.push(typed);
    // Only now: a page that is torn down in its handler asks for this message again.
    this.#place = placeAt(message.seq);
    this.#last = message.id;
  }

  /** @internal */
  missed(gap: GapData): void {
    if (this.status.state !== "subscribed") return;
    this.#tell(gap);
    if (gap.reason === "history" && this.#beginsAt !== null) this.#place = placeAt(this.#beginsAt);
    else this.#place = afterGap(this.#place);
    this.#beginsAt = null;
  }

  /** The bus has forgotten its positions: "nothing yet" may have become "nothing any more". All others the gateway refuses itself. @internal */
  voided(): void {
    if (this.#place.seq === 0) this.#tell({ topic: this.topic, from: 0, to: null, dropped: null, reason: "history" });
  }

  #tell(gap: Gap): void {
    this.owner.gap(gap);
    this.#listeners.emit("gap", gap);
  }

  #become(status: SubscriptionStatus): void {
    this.status = status;
    this.#listeners.emit("state", status);
  }
}
