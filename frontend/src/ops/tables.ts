/** The columns of the page's tables: slow clients, topics, settings. */

import { element } from "../page/element.js";
import { bytes, count, seconds } from "../page/format.js";
import { depthBar } from "./depth_bar.js";
import type { Setting, SlowClient, TopicRow } from "./snapshot.js";
import { Table } from "./table.js";

const NONE = "–";

export function slowClientsTable(): Table<SlowClient> {
  return new Table<SlowClient>(
    "Slow clients",
    [
      {
        title: "Client",
        cell: (row) => [element("code", {}, row.client), element("span", { class: "sub" }, row.user)],
      },
      { title: "Policy", kind: "code", cell: ({ policy }) => policy ?? "socket only" },
      { title: "Waits for", cell: topicsOf },
      { title: "Mailbox", cell: (row) => [depthBar(row.depth, row.max_messages, row.high_water)] },
      { title: "Bytes", cell: (row) => [depthBar(row.bytes, row.max_bytes, null, bytes)] },
      { title: "Unsent", kind: "number", cell: ({ unsent_s }) => age(unsent_s) },
      { title: "Slow for", kind: "number", cell: ({ slow_s }) => age(slow_s) },
      { title: "Lost", kind: "number", cell: ({ dropped }) => count(dropped) },
      { title: "ACK lag", kind: "number", cell: ({ ack_lag_s }) => age(ack_lag_s) },
    ],
    ({ client }) => client,
    "Nobody is slow: nothing waits for anyone.",
  );
}

export function topicsTable(caption: string): Table<TopicRow> {
  return new Table<TopicRow>(
    caption,
    [
      { title: "Topic", kind: "code", cell: ({ topic }) => topic },
      { title: "Policy", kind: "code", cell: ({ policy }) => policy },
      { title: "Subscribers", kind: "number", cell: ({ subscribers }) => count(subscribers) },
      { title: "Messages", kind: "number", cell: ({ messages }) => count(messages) },
      { title: "History", kind: "number", cell: ({ history }) => count(history) },
      { title: "Mailbox", cell: ({ depth, bound }) => [depthBar(depth, bound, null)] },
    ],
    ({ topic }) => topic,
    "No topics yet: the first message or subscriber makes one.",
  );
}

export function settingsTable(): Table<Setting> {
  return new Table<Setting>(
    "Effective configuration",
    [
      { title: "Setting", kind: "code", cell: ({ key }) => key },
      { title: "Value", kind: "code", cell: ({ value }) => value },
      { title: "From", cell: ({ source }) => source },
    ],
    ({ key }) => key,
    "Not read yet.",
  );
}

function topicsOf({ topics }: SlowClient): string {
  const said = topics.map(({ topic, waiting, behind }) => `${topic} ${count(waiting)}${behind ? ", behind" : ""}`);
  return said.join("; ") || NONE;
}

function age(value: number | null): string {
  return value === null ? NONE : seconds(value);
}
