// One headless Chromium for all pages of a test run: `node browser_server.mjs CHROMIUM`. Ends when its stdin does.
//
// stdout: one line, the address at which browser_page.mjs connects to it
import { createRequire } from "node:module";

// The npm packages of the tests live in frontend/, which node does not search from here.
const require = createRequire(new URL("../../../frontend/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// `launchServer` starts Chromium with a user data directory of its own and removes it afterwards.
const server = await chromium.launchServer({ executablePath: process.argv[2], args: FLAGS, headless: true });
process.stdout.write(`${server.wsEndpoint()}\n`);
process.stdin.resume();
process.stdin.on("end", () => server.close());
