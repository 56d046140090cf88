// A page in headless Chromium, driven by JSON lines: `node browser_page.mjs '{"browser", "url", "timeoutMs"}'`.
//
// stdin:  {"do": NAME, ...arguments}, one of the names in `commands` below
// stdout: {"ready": true, "errors"} first, then for each command {"result", "errors"} or {"failed", "errors"}
// `errors` is everything so far that a developer would see in red: console errors, uncaught exceptions, failed requests.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// The npm packages of the tests live in frontend/, which node does not search from here.
const require = createRequire(new URL("../../../frontend/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const ERRORS_KEPT = 200;
const { browser: address, url, timeoutMs } = JSON.parse(process.argv[2]);
const errors = [];
const say = (answer) => process.stdout.write(`${JSON.stringify({ ...answer, errors })}\n`);
const note = (kind, text) => errors.length < ERRORS_KEPT && errors.push({ kind, text });

// The Chromium of browser_server.mjs. A context shares nothing with others: no cookies, no storage, no cache.
const browser = await chromium.connect(address, { timeout: timeoutMs });
const context = await browser.newContext();
const page = await context.newPage();
page.on("console", (message) => message.type() === "error" && note("console", message.text()));
page.on("pageerror", (error) => note("exception", String(error.stack ?? error)));
page.on("requestfailed", (request) => note("request", `${request.url()}: ${request.failure()?.errorText}`));

async function text({ selector, contains, timeout }) {
  const found = page.locator(selector).filter(contains === null ? {} : { hasText: contains }).first();
  try {
    await found.waitFor({ state: "visible", timeout });
  } catch {
    const seen = await page.locator(selector).allInnerTexts();
    throw new Error(`no visible ${selector} containing ${JSON.stringify(contains)}; seen: ${JSON.stringify(seen)}`);
  }
  return found.innerText();
}

/** What a click on `selector` makes the browser save. */
async function saved(selector, timeout) {
  const [download] = await Promise.all([page.waitForEvent("download", { timeout }), page.locator(selector).click()]);
  const parts = [];
  for await (const part of await download.createReadStream()) parts.push(part);
  return { name: download.suggestedFilename(), text: Buffer.concat(parts).toString("utf8") };
}

const commands = {
  text,
  texts: ({ selector }) => page.locator(selector).allInnerTexts(),
  click: ({ selector, timeout }) => page.locator(selector).click({ timeout }),
  fill: ({ selector, value, timeout }) => page.locator(selector).fill(value, { timeout }),
  press: ({ keys }) => page.keyboard.press(keys),
  evaluate: ({ script }) => page.evaluate(script),
  goto: ({ address, timeout }) => page.goto(address, { timeout }).then(() => page.url()),
  reload: ({ timeout }) => page.reload({ timeout }).then(() => page.url()),
  offline: ({ value }) => context.setOffline(value),
  size: ({ width, height }) => page.setViewportSize({ width, height }),
  prefer: ({ colorScheme }) => page.emulateMedia({ colorScheme }),
  download: ({ selector, timeout }) => saved(selector, timeout),
  screenshot: ({ path }) => page.screenshot({ path }).then(() => path),
};

async function obey({ do: name, ...args }) {
  try {
    if (!Object.hasOwn(commands, name)) throw new Error(`unknown command ${name}`);
    say({ result: (await commands[name](args)) ?? null });
  } catch (error) {
    say({ failed: error.message });
  }
}

try {
  await page.goto(url, { timeout: timeoutMs });
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) await obey(JSON.parse(line));
} finally {
  await browser.close();
}
