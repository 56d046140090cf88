/** `for await` over a subscription: a bounded queue between the gateway's pace and the loop's. */

import { FanwireError } from "./errors.js";

export const ITERATOR_MESSAGES = 1_000;

interface Asking<Message> {
  readonly resolve: (result: IteratorResult<Message>) => void;
  readonly reject: (error: FanwireError) => void;
}

/** Ends with the error `slow_iterator`, after what is queued, where a message does not fit any more. */
export class MessageIterator<Message> implements AsyncIterableIterator<Message> {
  readonly #queue: Message[] = [];
  readonly #asking: Asking<Message>[] = [];
  #ended = false;
  #failure: FanwireError | null = null;

  constructor(
    private readonly limit: number,
    /** Called once, when nothing more can be taken. */
    private readonly stop: (iterator: MessageIterator<Message>) => void,
  ) {}

  push(message: Message): void {
    if (this.#ended) return;
    const asking = this.#asking.shift();
    if (asking !== undefined) asking.resolve({ done: false, value: message });
    else if (this.#queue.length < this.limit) this.#queue.push(message);
    else this.end(new FanwireError("slow_iterator", `the loop is ${this.limit} messages behind`));
  }

  /** What is queued is still given; then the loop ends, or throws `failure`. */
  end(failure: FanwireError | null = null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.stop(this);
    for (const asking of this.#asking.splice(0)) {
      if (failure === null) asking.resolve({ done: true, value: undefined });
      else asking.reject(failure);
    }
  }

  next(): Promise<IteratorResult<Message>> {
    const value = this.#queue.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (!this.#ended) return new Promise((resolve, reject) => this.#asking.push({ resolve, reject }));
    const failure = this.#failure;
    this.#failure = null;
    return failure === null ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(failure);
  }

  /** `break` in the loop: what is queued is let go. */
  return(): Promise<IteratorResult<Message>> {
    this.#queue.length = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
