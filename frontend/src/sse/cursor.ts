/** The cursor of a stream of events: the position of every topic, for a list of topics in this order. Pure. */

import type { Since } from "../wire.js";

/** What stands for a topic whose position is not known: it begins with what comes from now on. */
const UNKNOWN = "-";

/** `last_event_id` for these topics. As in the gateway: CRC-32 of the names, then each position in hexadecimal. */
export function cursorOf(topics: readonly string[], positions: ReadonlyMap<string, Since>): string {
  const known = topics.map((topic) => {
    const position = positions.get(topic);
    return typeof position === "number" ? position.toString(16) : UNKNOWN;
  });
  return [crc32(topics.join(" ")).toString(16).padStart(8, "0"), ...known].join(".");
}

/** CRC-32 as in zlib, bit by bit: it is run once per connection. Names of topics are ASCII. */
function crc32(text: string): number {
  let crc = -1;
  for (let index = 0; index < text.length; index++) {
    crc ^= text.charCodeAt(index);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
