/**
 * "Slow this tab": four connections of this page, one per overflow policy, get the same series while each message costs
 * the page real work. Owns the four lanes; one try at a time.
 */

import type { GetToken } from "../client/token.js";
import { Lane } from "./lane.js";
import { SlowReader } from "./reader.js";
import { publishSeries } from "./series.js";
import { POLICIES, type Policy } from "./tally.js";

export const TOTAL = 500;
// Four seconds are more than the gateway takes for the series: whichever connection the browser reads first, all of them fill.
const WORK_MS = 20;
const SLOW_MS = 4_000;
/** After this long, what is there is shown for what it is. */
const PATIENCE_MS = 30_000;

export interface SlowTabOptions {
  readonly token: string | null;
  readonly getToken: GetToken;
  /** Makes the topics this tab's own. */
  readonly tab: string;
}

export class SlowTab {
  readonly #lanes = new Map<Policy, Lane>(POLICIES.map((policy) => [policy, new Lane(policy, TOTAL)]));
  #tries = 0;

  constructor(private readonly options: SlowTabOptions) {}

  get nodes(): HTMLElement[] {
    return [...this.#lanes.values()].map(({ node }) => node);
  }

  /** Resolves when every reader has the last message, or patience is at its end. Throws: Error where nothing could be published. */
  async run(): Promise<void> {
    this.#tries += 1;
    const readers = POLICIES.map((policy) => this.#reader(policy));
    for (const lane of this.#lanes.values()) lane.begin();
    try {
      await Promise.all(readers.map(([, reader]) => reader.join()));
      setTimeout(() => {
        for (const [, reader] of readers) reader.recover();
      }, SLOW_MS);
      const topics = POLICIES.map((policy) => this.#topic(policy));
      const positions = await publishSeries(topics, TOTAL, this.options.token);
      for (const [policy, reader] of readers) reader.expect(positions.get(this.#topic(policy)) ?? []);
      await Promise.race([Promise.all(readers.map(([, reader]) => reader.done)), patience(PATIENCE_MS)]);
    } finally {
      for (const [policy, reader] of readers) {
        this.#lanes.get(policy)?.show(reader.arrived, reader.tally);
        this.#lanes.get(policy)?.end(reader.tally);
        reader.close();
      }
    }
  }

  #topic(policy: Policy): string {
    return `demo_${policy}:${this.options.tab}.${this.#tries}`;
  }

  #reader(policy: Policy): [Policy, SlowReader] {
    const lane = this.#lanes.get(policy);
    const changed = oncePerFrame(() => lane?.show(reader.arrived, reader.tally));
    const { getToken } = this.options;
    const reader = new SlowReader({
      policy,
      topic: this.#topic(policy),
      total: TOTAL,
      workMs: WORK_MS,
      getToken,
      changed,
    });
    return [policy, reader];
  }
}

/** However often it is called, `draw` runs once before the next picture. */
function oncePerFrame(draw: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      draw();
    });
  };
}

function patience(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
