/** Handlers by the name of what they wait for. One that throws is reported, and the others are called all the same. */

export type Report = (error: unknown) => void;

export class Listeners<Events extends object> {
  readonly #byName = new Map<keyof Events, Set<(event: never) => void>>();

  constructor(private readonly report: Report) {}

  /** Returns what removes the handler again. */
  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): () => void {
    const handlers = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, handlers.add(handler));
    return () => this.off(name, handler);
  }

  off<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): void {
    this.#byName.get(name)?.delete(handler);
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    // A copy: a handler may remove itself, or add another that is not meant for this event.
    for (const handler of [...(this.#byName.get(name) ?? [])] as ((event: Events[Name]) => void)[]) {
      try {
        handler(event);
      } catch (error) {
        this.report(error);
      }
    }
  }
}
