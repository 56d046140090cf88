/** How long to wait before the next try: full jitter, so that a crowd that left together does not come back together. Pure. */

const CEILING_MS = 20_000;
const FIRST_MS = 250;
const WINDOW_MS = 500;

/** A connection that lasted this long was a good one: the next loss starts to count from zero. */
export const LASTED_MS = 5_000;

/**
 * Milliseconds before try number `attempt` (0 is the first after a loss): `min(20 s, 250 ms + random(0, min(20 s, 500 ms·2ⁿ)))`.
 * `random` is in [0, 1). `spreadMs` widens the window where the gateway said how wide a crowd has to spread.
 */
export function backOffMs(attempt: number, random: number, spreadMs = 0): number {
  // 2^16 is far beyond the ceiling; a larger exponent would only end in infinity.
  const window = Math.min(CEILING_MS, Math.max(spreadMs, WINDOW_MS * 2 ** Math.min(attempt, 16)));
  return Math.min(CEILING_MS, FIRST_MS + random * window);
}
