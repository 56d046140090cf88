// The ops page of a gateway that has something to show: an actor that was restarted, and a tab that is slow.

const SECONDS_WATCHED = 8;

async function prepare(page, { url }) {
  await page.locator("#health dd").first().waitFor();
  const publish = (message) => fetch(`${url}/api/publish`, { method: "POST", body: JSON.stringify(message) });
  // This gateway has the faults of the tests in it: a message may ask for one.
  await publish({ topic: "orders:7", type: "note", data: { fault: "topic ValueError" } });
  for (const topic of ["orders:7", "agent:42", "thread:7", "prices:eur"]) await publish({ topic, type: "note" });
  const tabs = await Promise.all(Array.from({ length: 3 }, () => page.context().newPage()));
  await Promise.all(tabs.map((tab) => tab.goto(`${url}/`)));
  const slow = tabs[0].locator("#slow");
  await slow.click();
  for (let second = 0; second < SECONDS_WATCHED; second += 1) {
    if (await page.locator("#slow tbody tr").count()) break;
    await page.waitForTimeout(1_000);
  }
  await page.bringToFront();
  await page.locator("#slow tbody tr").first().waitFor();
  await page.locator("#odd li").first().waitFor();
}

export const shots = [
  { name: "ops", path: "/ops", width: 1400, height: 1250, program: ["tests/support/faults.py"], prepare },
];
