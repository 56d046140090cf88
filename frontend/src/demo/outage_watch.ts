/** Tells the journal of each outage: what ended the connection, and what the resume came to, once the replay is here. */

import type { Packets } from "../client/packets.js";
import type { Status } from "../client/status.js";
import type { Account, Totals } from "./account.js";
import type { Journal } from "./journal.js";
import { endingOf, outcomeOf, type Recovery, recoveryIn } from "./outage.js";

interface Outage {
  readonly since: number;
  readonly before: Totals;
}

export class OutageWatch {
  #wasUp = false;
  #outage: Outage | null = null;

  constructor(
    packets: Packets,
    private readonly account: Account,
    private readonly journal: Journal,
  ) {
    packets.subscribe((packet) => {
      const recovery = recoveryIn(packet);
      if (recovery !== null) this.#resumed(recovery);
    });
  }

  status(status: Status): void {
    if (status.state === "waiting" || status.state === "closed") this.#lost(status);
    if (status.state === "connected") this.#wasUp = true;
  }

  #lost(status: Status): void {
    // A second try that fails is still the same outage.
    if (this.#wasUp) this.#outage = { since: Date.now(), before: this.account.totals };
    if (this.#wasUp || status.state === "closed") this.journal.say(`${endingOf(status)}.`, "bad");
    this.#wasUp = false;
  }

  #resumed(recovery: Recovery): void {
    const outage = this.#outage;
    this.#outage = null;
    if (outage === null) return;
    const awayMs = Date.now() - outage.since;
    this.account.after(recovery.replayed, () => {
      const outcome = outcomeOf(awayMs, recovery, outage.before, this.account.totals);
      this.journal.say(outcome, recovery.recovered ? "good" : "bad");
    });
  }
}
