/** A series of messages for each of some topics, published as any backend would: `POST /api/publish`, in batches. */

import { authorization } from "../page/access.js";

const PATH = "/api/publish";
const PADDING = "x".repeat(8_000);
const PER_BATCH = 7;

/** The bodies that publish `total` messages to each topic, topics side by side, each body below the gateway's 64 KiB. Pure. */
export function batchesOf(topics: readonly string[], total: number): string[] {
  const bodies: string[] = [];
  for (let begun = 0; begun < total; begun += PER_BATCH) {
    const size = Math.min(PER_BATCH, total - begun);
    for (const topic of topics)
      bodies.push(
        JSON.stringify(Array.from({ length: size }, () => ({ topic, type: "tick", data: { padding: PADDING } }))),
      );
  }
  return bodies;
}

/**
 * All requests at once: this page is about to be too busy to send one after the other. So the gateway decides the order, and
 * its answers say it. Returns each topic's positions in that order. Throws: Error with the gateway's refusal.
 */
export async function publishSeries(
  topics: readonly string[],
  total: number,
  token: string | null,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const answers = await Promise.all(batchesOf(topics, total).map((body) => publish(body, token)));
  return positionsOf(answers.flat());
}

export interface Receipt {
  readonly topic: string;
  readonly seq: number;
}

/** By topic, ascending. Pure. */
export function positionsOf(receipts: readonly Receipt[]): ReadonlyMap<string, readonly number[]> {
  const positions = new Map<string, number[]>();
  for (const { topic, seq } of [...receipts].sort((a, b) => a.seq - b.seq))
    positions.set(topic, [...(positions.get(topic) ?? []), seq]);
  return positions;
}

async function publish(body: string, token: string | null): Promise<readonly Receipt[]> {
  const headers = { "Content-Type": "application/json", ...authorization(token) };
  const answer = await fetch(PATH, { method: "POST", body, headers });
  if (!answer.ok) throw new Error(`the gateway refused to publish: HTTP ${answer.status}`);
  return answer.json();
}
