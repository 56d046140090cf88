/** What `GET /api/ops/snapshot` and `/api/ops/config` answer; docs/ops.md says what each field means. Types, and how to add up. */

export type Metric = number | Readonly<Record<string, number>>;

export interface Histogram {
  /** One more than there are bounds: the last is for what is beyond them all. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly total_s: number;
}

interface Incarnation {
  readonly name: string;
  readonly generation: number;
  readonly restarts: number;
  readonly running: boolean;
}

export interface Branch extends Incarnation {
  readonly kind: "supervisor";
  readonly children: number;
  readonly child_restarts: number;
  readonly child_failures: number;
  readonly shown: readonly Actor[];
}

export interface Leaf extends Incarnation {
  readonly kind: "topic" | "client" | "bus" | "reporter";
  readonly depth: number | null;
  readonly bound: number | null;
  readonly high_water: number | null;
}

export type Actor = Branch | Leaf;

export interface SlowClient {
  readonly client: string;
  readonly user: string;
  readonly policy: string | null;
  readonly topics: readonly {
    readonly topic: string;
    readonly waiting: number;
    readonly policy: string;
    readonly behind: boolean;
  }[];
  readonly depth: number;
  readonly max_messages: number;
  readonly high_water: number;
  readonly bytes: number;
  readonly max_bytes: number;
  readonly unsent_s: number | null;
  readonly slow_s: number | null;
  readonly dropped: number;
  readonly ack_lag_s: number | null;
}

export interface TopicRow {
  readonly topic: string;
  readonly policy: string;
  readonly subscribers: number;
  readonly messages: number;
  readonly depth: number;
  readonly bound: number;
  readonly history: number;
  readonly seq: number | null;
}

export interface OddEvent {
  readonly time: number;
  readonly level: string;
  readonly logger: string;
  readonly message: string;
  readonly actor?: string;
  readonly client?: string;
  readonly user?: string;
  readonly topic?: string;
  readonly trace_id?: string;
}

export interface Snapshot {
  readonly time: number;
  readonly uptime_s: number;
  readonly version: string;
  readonly pid: number;
  readonly bus: { readonly name: string; readonly ready: boolean };
  readonly connections: number;
  readonly counters: Readonly<Record<string, Metric>>;
  readonly gauges: Readonly<Record<string, Metric>>;
  readonly bounds_s: readonly number[];
  readonly histograms: Readonly<Record<string, Histogram | Readonly<Record<string, Histogram>>>>;
  readonly actors: Branch;
  readonly slow_clients: { readonly total: number; readonly rows: readonly SlowClient[] };
  readonly topics: {
    readonly total: number;
    readonly by_subscribers: readonly TopicRow[];
    readonly by_messages: readonly TopicRow[];
  };
  readonly odd_events: { readonly events: readonly OddEvent[]; readonly fell_out: number };
}

export interface Setting {
  readonly key: string;
  readonly value: string;
  readonly source: string;
}

/** A metric with labels counts as the sum of all of them; one that is not there, as nothing. */
export function totalOf(metrics: Readonly<Record<string, Metric>>, name: string): number {
  const metric = metrics[name] ?? 0;
  return typeof metric === "number" ? metric : Object.values(metric).reduce((sum, value) => sum + value, 0);
}

/** The histogram of that name, all labels added up. */
export function histogramOf({ histograms, bounds_s }: Snapshot, name: string): Histogram {
  const there = histograms[name];
  const parts = there === undefined ? [] : isHistogram(there) ? [there] : Object.values(there);
  const empty: Histogram = { counts: new Array(bounds_s.length + 1).fill(0), count: 0, total_s: 0 };
  return parts.reduce(added, empty);
}

function isHistogram(value: Histogram | Readonly<Record<string, Histogram>>): value is Histogram {
  return Array.isArray((value as Histogram).counts);
}

function added(left: Histogram, right: Histogram): Histogram {
  return {
    counts: left.counts.map((value, at) => value + (right.counts[at] ?? 0)),
    count: left.count + right.count,
    total_s: left.total_s + right.total_s,
  };
}
