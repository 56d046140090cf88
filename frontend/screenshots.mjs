// Makes the pictures of the README: `node frontend/screenshots.mjs [NAME...]`, from a real gateway with the example agent,
// in Debian's Chromium. Needs .venv and the built pages (`make screenshots` sees to both). Writes docs/images/*.png.
//
// Each file of screenshots/ exports `shots`: a list of {name, path, width, height, prepare(page, gateway)}; each one is taken
// light and dark. `prepare` brings the page into the state that is shown and resolves when it is there.
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "..");
const IMAGES = join(ROOT, "docs", "images");
const PYTHON = join(ROOT, process.env.VENV ?? ".venv", "bin", "python");
const CHROMIUM = "/usr/bin/chromium";
const MAX_BYTES = 300_000;
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const DEADLINE_MS = 20_000;

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** A gateway in development mode and the agent beside it; `env` for what a shot wants otherwise. */
async function runGateway(program, env = {}) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const options = { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] };
  const environment = {
    ...process.env,
    PYTHONPATH: `${ROOT}:${ROOT}/tests/support`,
    FANWIRE_LOG__LEVEL: "warning",
    ...env,
  };
  const gateway = spawn(PYTHON, [...program, "serve", "--dev", "--port", String(port)], {
    ...options,
    env: environment,
  });
  await untilReady(`${url}/readyz`, gateway);
  const agent = spawn(PYTHON, ["examples/agent_run.py", "--forever", "--url", url], options);
  const stop = () => Promise.all([gateway, agent].map(ended));
  return { url, stop };
}

async function untilReady(address, gateway) {
  for (const end = Date.now() + DEADLINE_MS; Date.now() < end; ) {
    if (gateway.exitCode !== null) break;
    const isReady = await fetch(address).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the gateway did not come up; run `make .venv/.installed-dev`");
}

function ended(child) {
  if (child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", resolve);
    child.kill("SIGTERM");
  });
}

async function take(browser, shot, scheme) {
  const gateway = await runGateway(shot.program ?? ["-m", "server.cli"], shot.env);
  const viewport = { width: shot.width, height: shot.height };
  const context = await browser.newContext({ viewport, colorScheme: scheme, deviceScaleFactor: 1 });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    await page.goto(gateway.url + shot.path);
    await shot.prepare(page, gateway);
    const path = join(IMAGES, `${shot.name}-${scheme}.png`);
    await page.screenshot({ path, animations: "disabled" });
    const { size } = statSync(path);
    console.log(`${path}: ${size} bytes`);
    if (size > MAX_BYTES) throw new Error(`${path} is larger than ${MAX_BYTES} bytes`);
  } finally {
    await context.close();
    await gateway.stop();
  }
}

const wanted = process.argv.slice(2);
const files = readdirSync(join(HERE, "screenshots")).filter((name) => name.endsWith(".mjs"));
const shots = (await Promise.all(files.map((name) => import(`./screenshots/${name}`)))).flatMap((file) => file.shots);
mkdirSync(IMAGES, { recursive: true });
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, headless: true });
try {
  for (const shot of shots.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    for (const scheme of ["light", "dark"]) await take(browser, shot, scheme);
  }
} finally {
  await browser.close();
}
