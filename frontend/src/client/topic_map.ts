/** Types only: which payloads a page expects on which topics. `"thread:*"` stands for every topic that begins with `thread:`. */

import type { Envelope } from "../wire.js";

/** What a topic carries where the page has not said: any type, and data that has to be looked at first. */
export type AnyEvents = Record<string, unknown>;

type PatternOf<Topics, Topic extends string> = {
  [Pattern in keyof Topics & string]: Pattern extends `${infer Prefix}*`
    ? Topic extends `${Prefix}${string}`
      ? Pattern
      : never
    : Topic extends Pattern
      ? Pattern
      : never;
}[keyof Topics & string];

/** The map of type to payload of `Topic`, by the patterns of `Topics`. */
export type EventsOf<Topics, Topic extends string> = [PatternOf<Topics, Topic>] extends [never]
  ? AnyEvents
  : Topics[PatternOf<Topics, Topic>];

/** A message of those events; `type` tells which payload it has. */
export type MessageOf<Events> = string extends keyof Events
  ? Envelope
  : { [Type in keyof Events & string]: Envelope<Type, Events[Type]> }[keyof Events & string];
