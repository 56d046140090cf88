// The demo page: two tabs have talked, the connection was dropped once, and the tab was slowed once.

async function prepare(page) {
  await page.locator("#thread .words").first().waitFor();
  const second = await page.context().newPage();
  await second.goto(page.url());
  await say(second, "Is anybody else on this thread?");
  await page.locator(".said", { hasText: "anybody else" }).waitFor();
  await say(page, "Yes: another tab, another mailbox, the same messages.");
  await page.locator(".said.mine").waitFor();
  await page.click("#slow");
  await page.locator("#journal .good", { hasText: "caught up" }).waitFor({ timeout: 60_000 });
  // In the middle of a run, so that there is something to miss.
  await page.locator("#thread .words.streaming", { hasText: "It begins" }).first().waitFor();
  await page.click("#cut");
  await page.locator("#journal .good", { hasText: "Resumed" }).waitFor();
  await page.locator("#thread .words.streaming", { hasText: "bus stamps it" }).first().waitFor();
}

async function say(page, text) {
  await page.locator("#state[data-state=connected]").waitFor();
  await page.fill("#message", text);
  await page.click("#say button");
}

export const shots = [{ name: "demo", path: "/", width: 1280, height: 1225, prepare }];
