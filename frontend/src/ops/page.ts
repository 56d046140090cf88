/** The ops page: one snapshot a second becomes what is seen. Owns the last ones. */

import { tokenOf } from "../page/access.js";
import { found, setText } from "../page/element.js";
import { count, counted, seconds } from "../page/format.js";
import { ActorTree } from "./actor_tree.js";
import { figuresOf, HealthStrip } from "./health_strip.js";
import { LatencyChart } from "./latency_chart.js";
import { OddEvents } from "./odd_events.js";
import { between, isComparable, quantileOf } from "./pace.js";
import { Poll, type Trouble } from "./poll.js";
import { listenToPublish } from "./publish_form.js";
import { type Histogram, histogramOf, type Snapshot } from "./snapshot.js";
import { settingsTable, slowClientsTable, topicsTable } from "./tables.js";

const FAN_OUT = "ws_fanout_seconds";
const TO_SOCKET = "ws_publish_to_socket_seconds";
/** Figures are those of the last few seconds: one second alone would flicker. */
const RECENT = 5;
/** The histogram needs more: what a minute held. */
const KEPT = 55;

const health = new HealthStrip(found("health", HTMLElement));
const tree = new ActorTree(found("tree", HTMLElement));
const slow = slowClientsTable();
const bySubscribers = topicsTable("Topics with most subscribers");
const byMessages = topicsTable("Topics with most messages");
const settings = settingsTable();
const chart = new LatencyChart(found("chart", HTMLElement), ["fan-out", "publish to socket"]);
const odd = new OddEvents(
  found("odd", HTMLElement),
  found("level", HTMLSelectElement),
  found("odd-count", HTMLElement),
  found("odd-empty", HTMLElement),
);
found("slow", HTMLElement).append(slow.node);
found("by-subscribers", HTMLElement).append(bySubscribers.node);
found("by-messages", HTMLElement).append(byMessages.node);
found("settings", HTMLElement).append(settings.node);

const state = found("state", HTMLElement);
const denied = found("denied", HTMLElement);
const content = found("content", HTMLElement);
const pause = found("pause", HTMLButtonElement);
let kept: Snapshot[] = [];

function say(name: string, text: string): void {
  state.dataset.state = name;
  setText(state, text);
}

function show(snapshot: Snapshot): void {
  const last = kept.at(-1);
  if (last !== undefined && !isComparable(last, snapshot)) kept = [];
  if (last === undefined) readSettings();
  kept = [...kept, snapshot].slice(-KEPT);
  denied.hidden = true;
  content.hidden = false;
  say("connected", "live");
  setText(found("about", HTMLElement), `Fanwire ${snapshot.version}, process ${snapshot.pid}`);
  health.show(figuresOf(snapshot, kept.length > 1 ? (kept.at(-1 - RECENT) ?? kept[0] ?? null) : null));
  tree.show(snapshot.actors);
  slow.show(snapshot.slow_clients.rows);
  setText(found("slow-count", HTMLElement), counted(snapshot.slow_clients.total, "client"));
  bySubscribers.show(snapshot.topics.by_subscribers);
  byMessages.show(snapshot.topics.by_messages);
  setText(found("topic-count", HTMLElement), counted(snapshot.topics.total, "topic"));
  odd.show(snapshot.odd_events);
  showLatencies(snapshot);
}

/** Of the last minute, as far as this page has seen it; of the process's whole life until there are two snapshots. */
function showLatencies(snapshot: Snapshot): void {
  const first = kept[0];
  const recent = (name: string): Histogram => {
    const all = histogramOf(snapshot, name);
    const lately = first === undefined || first === snapshot ? all : between(first, snapshot, name);
    return lately.count > 0 ? lately : all;
  };
  const histograms = [recent(FAN_OUT), recent(TO_SOCKET)] as const;
  chart.show([...histograms], snapshot.bounds_s);
  showQuantiles("fan-out-figures", histograms[0], snapshot.bounds_s);
  showQuantiles("to-socket-figures", histograms[1], snapshot.bounds_s);
}

function showQuantiles(id: string, histogram: Histogram, bounds: readonly number[]): void {
  const said = [0.5, 0.99].map((share) => {
    const value = quantileOf(histogram, bounds, share);
    return `p${share * 100} ${value === null ? "–" : `≤ ${seconds(value)}`}`;
  });
  setText(found(id, HTMLElement), `${said.join(", ")} (${count(histogram.count)} seen)`);
}

function trouble({ kind, message }: Trouble): void {
  if (kind === "unreachable") {
    say("waiting", "no answer, trying on");
    return;
  }
  say("closed", "not admitted");
  kept = [];
  content.hidden = true;
  denied.hidden = false;
  setText(found("why", HTMLElement), message);
  found("token", HTMLInputElement).focus();
}

function readSettings(): void {
  poll.settings().then(
    (rows) => settings.show(rows),
    (error: Error) => setText(found("settings-note", HTMLElement), `not read: ${error.message}`),
  );
}

const token = tokenOf(location.hash);
// Whoever looks over a shoulder, or at the history, should not find it there. A reload asks for it again.
if (token !== null) history.replaceState(null, "", location.pathname);
const poll = new Poll(token, { snapshot: show, trouble });

pause.addEventListener("click", () => {
  poll.pause(!poll.isPaused);
  pause.setAttribute("aria-pressed", String(poll.isPaused));
  setText(pause, poll.isPaused ? "Resume" : "Pause");
  say("waiting", poll.isPaused ? "paused" : "asking");
});
found("admission", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const field = found("token", HTMLInputElement);
  poll.start(field.value.trim() || null);
  field.value = "";
});
listenToPublish(
  {
    form: found("publish", HTMLFormElement),
    topic: found("publish-topic", HTMLInputElement),
    type: found("publish-type", HTMLInputElement),
    data: found("publish-data", HTMLTextAreaElement),
    answer: found("publish-answer", HTMLElement),
  },
  () => poll.token,
);
poll.start();
