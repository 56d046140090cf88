// Brings a page into a state in which the debug overlay has everything to show. By itself it is a program:
//
//   FANWIRE_HEARTBEAT__INTERVAL_S=1 fanwire serve --dev --port 8080 &      (so that there is a ping to see)
//   node frontend/screenshots/overlay.mjs http://127.0.0.1:8080 overlay.png [light|dark]
import { writeFileSync } from "node:fs";
import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const WORDS = "Every client and every topic is an actor with a bounded mailbox .".split(" ");

/** Runs in the page: a run of an agent, a reconnect, a gap and an error; resolves when all of it has been recorded. */
async function tell(words) {
  const { Client } = await import("/static/index.js");
  const client = new Client("/");
  const thread = client.subscribe("thread:42");
  const run = async (from, to) => {
    for (let index = from; index < to; index++) {
      const data = { message_id: "m-7", index, text: `${words[index % words.length]} ` };
      await client.publish("thread:42", "stream_chunk", data);
    }
  };
  await thread.ready();
  client.enableDebugOverlay();
  await client.publish("thread:42", "run_started", {
    agent: "researcher",
    model: "small",
    question: "What is an actor?",
  });
  await run(0, 18);
  const again = new Promise((resolve) => client.on("state", ({ state }) => state === "connected" && resolve()));
  // As a tunnel does it: the browser says that it is offline and is back.
  dispatchEvent(new Event("pagehide"));
  dispatchEvent(new Event("pageshow"));
  await again;
  await thread.ready();
  // No gateway drops messages of a reader as fast as this one: the gap is a record of what it would have said.
  client.packets.event("gap", JSON.stringify({ topic: "agent:7", from: 41, to: 57, dropped: 15, reason: "overflow" }));
  await run(18, 21);
  await client.publish("thread:42", "run_finished", { agent: "researcher", tokens: 1843, cost: { total: 0.0042 } });
  const ping = new Promise((resolve) => client.on("mailbox", resolve));
  await Promise.race([ping, new Promise((resolve) => setTimeout(resolve, 3000))]);
  await client.debug.open();
}

/** `page` (Playwright's) is at a page of a gateway in development mode; resolves when the overlay can be photographed. */
export async function showOverlay(page) {
  await page.evaluate(tell, WORDS);
  for (let step = 0; step < 5; step++) await page.locator(".edge").press("ArrowUp");
  await page.locator(".packets .frame").last().click();
}

async function main([url, file, colorScheme = "light"]) {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme, deviceScaleFactor: 2 });
    await page.goto(url);
    await showOverlay(page);
    writeFileSync(file, await page.screenshot());
  } finally {
    await browser.close();
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  if (argv.length < 4) {
    console.error("usage: node frontend/screenshots/overlay.mjs URL FILE [light|dark]");
    exit(2);
  }
  await main(argv.slice(2));
}
