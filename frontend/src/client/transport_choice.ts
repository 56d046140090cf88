/** WebSocket or stream of events: changes over after opens that failed or hung, and remembers for the session. */

import type { SessionMemory } from "./environment.js";

export type TransportKind = "websocket" | "sse";
export type TransportMode = TransportKind | "auto";

const FAILURES = 2;
// Where WebSockets have worked before, it is far more likely the gateway that is away than the road that is closed.
const FAILURES_AFTER_SUCCESS = 6;

export class TransportChoice {
  #failures = 0;
  #socketsWork = false;
  #chosen: TransportKind;

  constructor(
    private readonly mode: TransportMode,
    private readonly memory: SessionMemory,
  ) {
    const remembered = mode === "auto" && memory.read() === "sse" ? "sse" : "websocket";
    this.#chosen = mode === "auto" ? remembered : mode;
  }

  /** What the next try uses. */
  get kind(): TransportKind {
    return this.#chosen;
  }

  /** The gateway has spoken over `kind`. */
  opened(kind: TransportKind): void {
    this.#failures = 0;
    if (kind === "websocket") this.#socketsWork = true;
    if (this.mode !== "auto") return;
    this.memory.write(kind === "sse" && !this.#socketsWork ? "sse" : null);
    if (this.#socketsWork) this.#chosen = "websocket";
  }

  /** A try ended before the gateway said a word. */
  failed(kind: TransportKind): void {
    if (this.mode !== "auto") return;
    this.#failures += 1;
    const allowed = kind === "websocket" && this.#socketsWork ? FAILURES_AFTER_SUCCESS : FAILURES;
    if (this.#failures < allowed) return;
    this.#failures = 0;
    this.#chosen = kind === "websocket" ? "sse" : "websocket";
  }
}
