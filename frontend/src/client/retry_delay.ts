/** When to come back: the verdict, the back-off, and what the gateway asked for, put together. Pure. */

import { CloseCode } from "../wire.js";
import { backOffMs } from "./back_off.js";

export interface Loss {
  readonly code: number;
  readonly atOnce: boolean;
  readonly atLeastMs: number;
  /** How many tries have come to nothing since the last connection that lasted. */
  readonly attempt: number;
  /** In [0, 1). */
  readonly random: number;
  /** How wide the gateway wants a crowd to spread after a restart. */
  readonly spreadMs: number;
  /** What is left of the window that a `reconnect` frame gave; null without one. */
  readonly drainLeftMs: number | null;
}

/** Milliseconds until the next try. */
export function retryDelayMs(loss: Loss): number {
  // The gateway has spread the crowd by itself: jitter on top would only undo its pace.
  if (loss.drainLeftMs !== null) return Math.max(0, loss.drainLeftMs);
  if (loss.atOnce && loss.attempt === 0) return 0;
  const spreadMs = loss.code === CloseCode.RESTART ? loss.spreadMs : 0;
  return loss.atLeastMs + backOffMs(loss.attempt, loss.random, spreadMs);
}
