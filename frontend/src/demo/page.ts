/** The demo page: joins one client to what is seen. */

import { Client } from "../client/client.js";
import type { Status } from "../client/status.js";
import { tokenOf } from "../page/access.js";
import { found, setText } from "../page/element.js";
import { counted, seconds } from "../page/format.js";
import type { Envelope } from "../wire.js";
import { Account } from "./account.js";
import { showCommand } from "./command.js";
import { ConnectionCard } from "./connection_card.js";
import { Scissors } from "./cut.js";
import { Journal } from "./journal.js";
import { nameOf } from "./name.js";
import { OutageWatch } from "./outage_watch.js";
import { SlowTab, TOTAL } from "./slow_tab.js";
import { Thread } from "./thread.js";
import { TokenTrial } from "./token_trial.js";
import { Vitals } from "./vitals.js";

const THREAD = "thread:demo";
const VITALS = "host:vitals";

const token = tokenOf(location.hash);
const trial = new TokenTrial(token);
const scissors = new Scissors();
const client = new Client("/", {
  environment: scissors.environment,
  ...(trial.isPossible ? { getToken: trial.getToken } : {}),
});
client.enableDebugOverlay();

const me = nameOf(Math.random());
const account = new Account();
const journal = new Journal(found("journal", HTMLElement), found("journal-empty", HTMLElement));
const card = new ConnectionCard(found("connection", HTMLElement), account, [THREAD, VITALS]);
const vitals = new Vitals(found("figures", HTMLElement), found("vitals-empty", HTMLElement));
const thread = new Thread(
  {
    list: found("thread", HTMLElement),
    scroll: found("scroll", HTMLElement),
    empty: found("thread-empty", HTMLElement),
    count: found("thread-count", HTMLElement),
  },
  me,
);
let upSince = Number.POSITIVE_INFINITY;

function handled(message: Envelope): void {
  account.take(message);
  // A replayed message is as old as the outage was long, which says nothing of the way it took.
  if (message.ts * 1000 >= upSince) card.latency(Date.now() - message.ts * 1000);
}

function showStatus({ state, code, message, retryInMs }: Status): void {
  const badge = found("state", HTMLElement);
  if (state === "connected") upSince = Date.now();
  badge.dataset.state = state;
  const back = retryInMs === undefined ? "" : `: back in ${seconds(retryInMs / 1000)}`;
  const why = state === "closed" ? `: ${message ?? ""} (${code ?? "?"})` : back;
  setText(badge, `${state}${why}`);
}

const watch = new OutageWatch(client.packets, account, journal);
client.on("state", (status) => {
  showStatus(status);
  watch.status(status);
});
client.on("mailbox", (mailbox) => card.mailbox(mailbox));

const threads = client.subscribe(THREAD, { since: "earliest" });
threads.on("message", (message) => {
  handled(message);
  thread.show(message);
  setText(found("last-trace", HTMLElement), message.id);
});
threads.on("gap", (gap) => thread.showGap(gap));
client.subscribe(VITALS).on("message", (message) => {
  handled(message);
  vitals.show(message.data);
});

function refreshForEver(): void {
  card.refresh();
  requestAnimationFrame(refreshForEver);
}
refreshForEver();

const box = found("message", HTMLInputElement);
setText(found("me", HTMLElement), me);
found("second-tab", HTMLAnchorElement).href = `/${location.hash}`;
found("say", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const content = box.value.trim();
  if (content === "") return;
  box.value = "";
  client.publish(THREAD, "thread_message_created", { name: me, content }).catch((error: Error) => {
    journal.say(`Not published: ${error.message}`, "bad");
  });
});

const slow = new SlowTab({
  token,
  getToken: trial.getToken,
  tab: crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36) ?? "tab",
});
found("lanes", HTMLElement).append(...slow.nodes);
const slowButton = found("slow", HTMLButtonElement);
slowButton.addEventListener("click", async () => {
  slowButton.disabled = true;
  journal.say(`Slowing this tab: ${counted(TOTAL, "message")} to each of four slow connections.`);
  try {
    await slow.run();
    journal.say("The slow tab has caught up: see what each policy made of it.", "good");
  } catch (error) {
    journal.say(`The try ended early: ${(error as Error).message}`, "bad");
  } finally {
    slowButton.disabled = false;
  }
});

found("cut", HTMLButtonElement).addEventListener("click", () => {
  if (!scissors.cut("cut by this page")) journal.say("There is no connection to drop just now.");
});

const expire = found("expire", HTMLButtonElement);
setText(
  found("expire-hint", HTMLElement),
  trial.isPossible
    ? "A token that lives for four seconds and is not renewed, then a good one."
    : "This gateway asks for no tokens. With FANWIRE_AUTH__MODE=jwt and a secret it does.",
);
expire.disabled = !trial.isPossible;
expire.addEventListener("click", async () => {
  try {
    const life = await trial.begin();
    journal.say(`Connecting anew with a token that lives for ${seconds(life)}.`);
    scissors.cut("to connect with a short token");
  } catch (error) {
    journal.say((error as Error).message, "bad");
  }
});

showCommand(token);
