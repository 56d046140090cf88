// The ops page of a gateway that has something to show: actors that were restarted, and two readers that have stopped reading.
import { get } from "node:http";

const PADDING = "x".repeat(8_000);
const STALLED = ["prices:eur", "ticker:btc"];
/** Enough for the kernel's buffers on both sides, and the mailbox behind them. */
const BATCHES = 110;

const env = {
  FANWIRE_TOPICS__PRICES__OVERFLOW: "drop_oldest",
  FANWIRE_TOPICS__TICKER__OVERFLOW: "catch_up",
  FANWIRE_MAILBOX__WRITE_STALL_S: "600",
};

async function prepare(page, { url }) {
  const publish = async (messages) => {
    await (await fetch(`${url}/api/publish`, { method: "POST", body: JSON.stringify(messages) })).text();
  };
  await page.locator("#health dd").first().waitFor();
  const tabs = await Promise.all(Array.from({ length: 3 }, () => page.context().newPage()));
  await Promise.all(tabs.map((tab) => tab.goto(`${url}/`)));
  const readers = await Promise.all(STALLED.map((topic) => stalledReader(`${url}/api/events?topic=${topic}`)));
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const topic = STALLED[batch % 2];
    await publish(Array.from({ length: 7 }, () => ({ topic, type: "tick", data: { padding: PADDING } })));
  }
  const quiet = ["orders:7", "orders:8", "agent:42", "thread:7", "presence:lobby"];
  await publish(quiet.map((topic) => ({ topic, type: "note" })));
  // This gateway has the faults of the tests in it: a message may ask for one.
  for (const topic of ["orders:7", "orders:7", "agent:42"])
    await publish({ topic, type: "note", data: { fault: "topic ValueError" } });
  await page.bringToFront();
  await page.locator("#slow tbody tr").nth(1).waitFor();
  await page.locator("#odd li").first().waitFor();
  await page.locator("#tree [data-state=restarted]").first().waitFor();
  // Two more snapshots, for rates to be those of a busy second.
  for (let more = 0; more < 2; more += 1) await page.waitForResponse(/snapshot/);
  for (const reader of readers) reader.resume();
}

/** Resolves when the stream has begun; nothing of it is read until `resume`. */
function stalledReader(address) {
  return new Promise((resolve, reject) => {
    get(address, (answer) => resolve(answer.pause())).on("error", reject);
  });
}

export const shots = [
  { name: "ops", path: "/ops", width: 1400, height: 1250, program: ["tests/support/faults.py"], env, prepare },
];
