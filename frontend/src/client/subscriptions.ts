/** Every topic that this page follows, and the requests that ask the gateway for them. Owns the map of subscriptions. */

import type { Envelope, Since, SubscribedData } from "../wire.js";
import { backOffMs } from "./back_off.js";
import type { Environment } from "./environment.js";
import { FanwireError } from "./errors.js";
import type { ControlFrame } from "./incoming.js";
import type { Requests } from "./requests.js";
import { type Gap, Subscription } from "./subscription.js";

/** Refusals that may be gone in a moment; all others stay until the page changes something. */
const TRY_AGAIN: ReadonlySet<string> = new Set(["overloaded", "internal", "rate_limited", "timeout"]);

export interface SubscriptionsListener {
  gap(gap: Gap): void;
  /** The gateway did not answer at all: this link is of no use. */
  unanswered(): void;
}

export class Subscriptions {
  readonly #byTopic = new Map<string, Subscription>();
  /** Topics to be asked for at the end of this turn, so that a page's twenty subscriptions are one frame. */
  readonly #fresh = new Set<string>();
  #isUp = false;
  /** Of which life of the bus the positions are; null before the gateway has told it. */
  #epoch: string | null = null;
  #retries = 0;
  #cancelRetry: () => void = () => {};

  constructor(
    private readonly environment: Environment,
    private readonly requests: Requests,
    private readonly listener: SubscriptionsListener,
  ) {}

  /** The topic's one subscription: a second call returns the first one's, whatever `since` it names. */
  add(topic: string, since: Since): Subscription {
    const known = this.#byTopic.get(topic);
    if (known !== undefined) return known;
    const added = new Subscription(topic, since, {
      report: this.environment.report,
      leave: (subscription) => this.#leave(subscription),
      gap: (gap) => this.listener.gap(gap),
    });
    this.#byTopic.set(topic, added);
    added.asked();
    this.#askFor([topic]);
    return added;
  }

  /** What to resume on a new link. */
  wanted(): Map<string, Since> {
    return new Map(this.#followed.map(({ topic, since }) => [topic, since]));
  }

  /** The last message handled in each topic, for a `pong`. */
  seen(): Record<string, string> {
    const handled = this.#followed.flatMap(({ topic, lastId }) => (lastId === null ? [] : [[topic, lastId] as const]));
    return Object.fromEntries(handled);
  }

  /** A new link: every topic is asked for again, from its position; at once, ahead of anything that is published on it. */
  up(epoch: string | null): void {
    // Null: the gateway has yet to ask its bus, which voids nothing.
    if (this.#epoch && epoch && this.#epoch !== epoch) for (const subscription of this.#followed) subscription.voided();
    this.#epoch = epoch ?? this.#epoch;
    this.#isUp = true;
    this.#retries = 0;
    for (const { topic } of this.#followed) this.#fresh.add(topic);
    this.#ask();
  }

  down(): void {
    this.#isUp = false;
    this.#cancelRetry();
    for (const subscription of this.#followed) subscription.asked();
  }

  /** No more tries, until the page asks for some: what was followed is kept, and so is every position. */
  halt(error: FanwireError): void {
    for (const subscription of this.#followed) subscription.fail(error);
  }

  end(): void {
    this.down();
    for (const subscription of this.#followed) subscription.ended(null);
    this.#byTopic.clear();
  }

  message(message: Envelope): void {
    this.#byTopic.get(message.topic)?.take(message);
  }

  control(frame: ControlFrame): void {
    if (frame.type === "gap") this.#byTopic.get(frame.data.topic)?.missed(frame.data);
    else if (frame.type === "error" && frame.re === undefined && frame.data.topic !== undefined)
      this.#refused(frame.data.topic, frame.data);
  }

  get #followed(): Subscription[] {
    return [...this.#byTopic.values()];
  }

  #askFor(topics: readonly string[]): void {
    if (!this.#isUp || topics.length === 0) return;
    if (this.#fresh.size === 0) queueMicrotask(() => this.#ask());
    for (const topic of topics) this.#fresh.add(topic);
  }

  #ask(): void {
    const asked = [...this.#fresh].flatMap((topic) => this.#byTopic.get(topic) ?? []);
    this.#fresh.clear();
    if (!this.#isUp || asked.length === 0) return;
    for (const subscription of asked) subscription.asked();
    const topics = Object.fromEntries(asked.map(({ topic, since }) => [topic, since === null ? {} : { since }]));
    const answered = (answer: ControlFrame) => answer.type === "subscribed" && this.#joined(asked, answer.data);
    this.requests.ask("subscribe", { topics }, { answered }).catch((error: FanwireError) => {
      if (error.code === "timeout") this.listener.unanswered();
      else for (const { topic } of asked) this.#refused(topic, error);
    });
  }

  /** Only those who asked: a topic that was left and joined again has another subscription by now. */
  #joined(asked: readonly Subscription[], { topics, refused }: SubscribedData): void {
    for (const subscription of asked) {
      const answer = topics[subscription.topic];
      const why = refused[subscription.topic];
      if (this.#byTopic.get(subscription.topic) !== subscription) continue;
      if (answer !== undefined) subscription.joined(answer);
      else if (why !== undefined) this.#refused(subscription.topic, why);
    }
  }

  #refused(topic: string, { code, message }: { readonly code: string; readonly message: string }): void {
    const subscription = this.#byTopic.get(topic);
    // A connection that was lost asks again by itself.
    if (subscription === undefined || code === "connection_lost" || !this.#isUp) return;
    if (!TRY_AGAIN.has(code)) {
      this.#byTopic.delete(topic);
      subscription.ended(new FanwireError(code, message, topic));
      return;
    }
    subscription.asked();
    this.#cancelRetry();
    const delayMs = backOffMs(this.#retries++, this.environment.random());
    this.#cancelRetry = this.environment.clock.after(delayMs, () => this.#askAgain());
  }

  #askAgain(): void {
    this.#askFor(this.#followed.filter(({ status }) => status.state === "subscribing").map(({ topic }) => topic));
  }

  #leave(subscription: Subscription): void {
    const { topic } = subscription;
    if (this.#byTopic.get(topic) !== subscription) return;
    this.#byTopic.delete(topic);
    subscription.ended(null);
    if (!this.#isUp) return;
    this.requests.ask("unsubscribe", { topics: [topic] }).catch((error: FanwireError) => {
      if (error.code === "timeout") this.listener.unanswered();
    });
  }
}
