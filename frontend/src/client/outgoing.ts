/** What this client writes: envelopes, each with an id of its own, and the rules that a publisher has to keep. Pure. */

import {
  FRAME_MAX_BYTES,
  type FromClient,
  KEY_MAX_CHARACTERS,
  SYSTEM,
  TOPIC_RULE,
  TYPE_RULE,
  VERSION,
} from "../wire.js";
import { FanwireError } from "./errors.js";

/** A frame to be sent; `data` is anything that JSON can hold. */
export interface OutFrame {
  readonly v: typeof VERSION;
  readonly id: string;
  readonly topic: string;
  readonly type: string;
  readonly data: unknown;
  readonly key?: string;
}

export function control<Kind extends keyof FromClient & string>(
  id: string,
  type: Kind,
  data: FromClient[Kind],
): OutFrame {
  return { v: VERSION, id, topic: SYSTEM, type, data };
}

/** The five rules whose breach would count as a bad frame, or end the connection. Throws: FanwireError. */
export function publication(id: string, topic: string, type: string, data: unknown, key?: string): OutFrame {
  if (!TOPIC_RULE.test(topic) || topic === SYSTEM) throw new FanwireError("bad_topic", `not a topic: ${topic}`, topic);
  if (!TYPE_RULE.test(type)) throw new FanwireError("bad_envelope", `not a type: ${type}`, topic);
  if (key !== undefined && key.length > KEY_MAX_CHARACTERS)
    throw new FanwireError("bad_envelope", "key is too long", topic);
  const frame = { v: VERSION, id, topic, type, data: data === undefined ? {} : data } as const;
  return key === undefined ? frame : { ...frame, key };
}

/** The frame as text. Throws: FanwireError `too_large`, for which the gateway would hang up (1009). */
export function textOf(frame: OutFrame, maxBytes: number = FRAME_MAX_BYTES): string {
  const text = JSON.stringify(frame);
  // Three bytes is the most that one UTF-16 unit becomes: short texts need no counting.
  if (text.length * 3 > maxBytes && new TextEncoder().encode(text).length > maxBytes) {
    throw new FanwireError("too_large", `a frame may have ${maxBytes} bytes`, frame.topic);
  }
  return text;
}
