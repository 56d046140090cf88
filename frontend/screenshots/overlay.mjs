// Brings a page into a state in which the debug overlay has everything to show.

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

/** Resolves when the overlay can be photographed. */
async function showOverlay(page) {
  await page.evaluate(tell, WORDS);
  for (let step = 0; step < 5; step++) await page.locator(".edge").press("ArrowUp");
  await page.locator(".packets .frame").last().click();
}

// A heartbeat of one second, so that there is a ping to see; the demo page behind it.
const env = { FANWIRE_HEARTBEAT__INTERVAL_S: "1" };

export const shots = [{ name: "overlay", path: "/", width: 1280, height: 800, env, prepare: showOverlay }];
