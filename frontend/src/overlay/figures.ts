/** Times, sizes and payloads as people read them. Pure. */

/** Wall-clock time of the day, to the millisecond: `19:48:00.123`. */
export function timeOf(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${clock}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** `87 B`, `1.2 kB`; a kilobyte has 1,000 bytes. */
export function sizeOf(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
}

/** `3 ms`, `2.4 s`, and with a sign where the gateway's clock is ahead. */
export function latencyOf(ms: number | null): string {
  if (ms === null) return "";
  return Math.abs(ms) < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Indented, where it is JSON; as it came, where it is not, or was cut. */
export function prettyOf(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    // What was cut to 4,096 characters is no JSON any more, and still worth reading.
    return payload;
  }
}
