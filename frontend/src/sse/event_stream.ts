/**
 * A link over server-sent events that looks like a WebSocket: frames that the client sends become streams with other topics
 * and requests by HTTP, and their answers become frames. Owns the EventSource and the position of each of its topics.
 */

import type { Link, LinkListener, LinkRequest, OpenLink } from "../client/transport.js";
import { type Envelope, type FromGateway, type Since, type SubscribedData, SYSTEM } from "../wire.js";
import { cursorOf } from "./cursor.js";
import { authorization, BROKEN_OFF, type End, startAt, whyRefused } from "./http.js";
import { ownTopic } from "./own_topic.js";

type Frame = Envelope<string, Record<string, never>>;

class EventStream implements Link {
  #source: EventSource | null = null;
  readonly #since: Map<string, Since>;
  /** Topics whose place is gone: live messages follow this position. */
  readonly #lost = new Map<string, number>();
  /** The client's own requests that the next `subscribed` answers, with their topics. */
  readonly #asked = new Map<string, readonly string[]>();
  #authId: string | undefined;
  /** The current stream has said `subscribed`: what is asked for from now on needs another one. */
  #settled = false;
  /** Counts streams, so that a late step towards a former one is known for that; 0 when closed. */
  #opened = 1;
  #publishing: Promise<void> = Promise.resolve();

  constructor(
    private request: LinkRequest,
    private readonly listener: LinkListener,
  ) {
    this.#since = new Map(request.topics);
    this.#reopen();
  }

  send(text: string): void {
    const { id, topic, type, data }: Frame = JSON.parse(text);
    if (topic !== SYSTEM) this.#publish(id, topic, text);
    else if (type === "subscribe") this.#subscribe(id, data.topics ?? {});
    else if (type === "unsubscribe") this.#unsubscribe(id, data.topics ?? []);
    else if (type === "auth") {
      this.#authId = id;
      this.request = { ...this.request, token: String(data.token) };
      this.#reopen();
    }
  }

  close(): void {
    this.#opened = 0;
    this.#source?.close();
  }

  #subscribe(id: string, topics: Record<string, { readonly since?: Since }>): void {
    const names = Object.keys(topics);
    this.#asked.set(id, names);
    // The stream on its way was opened for these.
    if (!this.#settled && names.every((name) => this.#since.has(name))) return;
    for (const name of names) this.#since.set(name, topics[name]?.since ?? null);
    this.#reopen();
  }

  #unsubscribe(id: string, topics: readonly string[]): void {
    for (const topic of topics) this.#since.delete(topic);
    this.#say("unsubscribed", { topics }, id);
    this.#reopen();
  }

  #reopen(): void {
    const opened = ++this.#opened;
    this.#settled = false;
    this.#source?.close();
    // At the end of the turn: three topics that a page leaves at once are one new stream.
    queueMicrotask(() =>
      this.#open(opened).catch((error) => this.#end(opened, { code: BROKEN_OFF, reason: `${error}` })),
    );
  }

  async #open(opened: number): Promise<void> {
    const { addresses, token } = this.request;
    for (const [topic, since] of this.#since) {
      if (opened !== this.#opened) return;
      if (typeof since === "string") await this.#settle(topic, since);
    }
    if (opened !== this.#opened) return;
    const own = ownTopic(token);
    const topics = [...new Set([...this.#since.keys(), ...(own === null ? [] : [own])])];
    const query = new URLSearchParams(topics.map((topic) => ["topic", topic]));
    query.set("last_event_id", cursorOf(topics, this.#since));
    if (token !== null) query.set("token", token);
    this.#listen(new EventSource(`${addresses.events}?${query}`), opened, own ?? topics[0] ?? "");
  }

  /** An `id` or `"earliest"` becomes a position, which is all that a cursor can hold. */
  async #settle(topic: string, since: string): Promise<void> {
    const { seq, isLost } = await startAt(this.request, topic, since);
    this.#since.set(topic, seq);
    if (isLost && seq !== null) this.#lost.set(topic, seq);
  }

  #listen(source: EventSource, opened: number, topic: string): void {
    let spoke = false;
    this.#source = source;
    source.onmessage = ({ data }) => {
      spoke = true;
      this.#take(data);
    };
    source.addEventListener("closed", ({ data }) => this.#end(opened, JSON.parse(data)));
    // It would come back by itself, but knows neither back-off nor a new token: the client does that.
    source.onerror = async () => {
      source.close();
      const why = spoke ? { code: BROKEN_OFF, reason: "" } : await whyRefused(this.request, topic);
      this.#end(opened, why);
    };
  }

  #take(text: string): void {
    const frame: Frame = JSON.parse(text);
    if (frame.topic !== SYSTEM) {
      this.listener.text(text);
      if (this.#since.has(frame.topic)) this.#since.set(frame.topic, frame.seq);
    } else if (frame.type === "subscribed") this.#subscribed(frame.data as unknown as SubscribedData);
    else if (frame.type === "hello") {
      // The stream with a new token answers the request to take it.
      this.listener.text(JSON.stringify({ ...frame, re: this.#authId }));
      this.#authId = undefined;
    } else this.listener.text(text);
  }

  /** One answer for the whole stream becomes one for each request that it answers. */
  #subscribed({ topics, refused }: SubscribedData): void {
    this.#settled = true;
    for (const [topic, { seq, replayed }] of Object.entries(topics)) {
      if (this.#since.has(topic) && !replayed) this.#since.set(topic, seq);
    }
    for (const topic of Object.keys(refused)) this.#since.delete(topic);
    const joined = Object.entries(topics).map(([topic, answer]) =>
      this.#lost.has(topic) ? [topic, { ...answer, recovered: false }] : [topic, answer],
    );
    // The client picks out of each answer what it asked for with that id.
    for (const id of this.#asked.keys()) this.#say("subscribed", { topics: Object.fromEntries(joined), refused }, id);
    for (const [topic, to] of this.#lost) this.#say("gap", { topic, from: null, to, dropped: null, reason: "history" });
    this.#asked.clear();
    this.#lost.clear();
  }

  /** One after the other, as frames on a socket would be. */
  #publish(id: string, topic: string, body: string): void {
    this.#publishing = this.#publishing.then(async () => {
      if (this.#opened === 0) return;
      const { addresses, token } = this.request;
      const headers = { "Content-Type": "application/json", ...authorization(token) };
      try {
        const answer = await fetch(addresses.publish, { method: "POST", body, headers });
        const said = await answer.json();
        // A token that has just expired: there will be another one in a moment, or an end to all this.
        if (answer.status === 401) said.code = "unreachable";
        this.#say(answer.ok ? "published" : "error", { ...said, topic }, id);
      } catch (error) {
        this.#say("error", { code: "unreachable", message: `${error}`, topic }, id);
      }
    });
  }

  #say(type: keyof FromGateway, data: object, re?: string): void {
    if (this.#opened > 0)
      this.listener.text(JSON.stringify({ v: 1, id: re, topic: SYSTEM, type, ts: Date.now() / 1000, data, re }));
  }

  #end(opened: number, { code, reason }: End): void {
    if (opened !== this.#opened) return;
    this.close();
    this.listener.closed(code, reason);
  }
}

export const openEventStream: OpenLink = (request, listener) => new EventStream(request, listener);
