// Builds the npm package into dist/ and the browser's files, pages included, into ../server/static/: `node build.mjs`.
// Ends with exit code 1 where a file is larger, gzipped, than its budget.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const DIST = join(HERE, "dist");
const STATIC = join(HERE, "..", "server", "static");

// What one page downloads for it, gzipped. The IIFE has no chunks: it is the core and the fallback in one.
const BUDGETS = [
  { name: "core", entry: "index.js", bytes: 8 * 1024 },
  { name: "sse", entry: "event_stream.js", bytes: 2 * 1024 },
  { name: "iife", entry: "fanwire.iife.js", bytes: 10 * 1024 },
  { name: "overlay", entry: "overlay.js", bytes: 12 * 1024 },
];

// All that a page loads at once: its HTML, its stylesheet and its script, each of them whole.
const PAGES = [
  { name: "demo", bytes: 24 * 1024 },
  { name: "ops", bytes: 45 * 1000 },
];

const shared = {
  bundle: true,
  minify: true,
  sourcemap: true,
  target: "es2022",
  absWorkingDir: HERE,
  legalComments: "none",
};

// Files that are loaded when they are needed, if at all; each is whole by itself, because a chunk of what two of them share
// would be one more request, and weighs more than the few lines that are in both.
const LATER = { event_stream: "src/sse/event_stream.ts", overlay: "src/overlay/overlay.ts" };

/** Leaves `import()` of those files in the text. A browser looks for them next to the script that says so, whatever the page. */
function apart(...names) {
  const filter = new RegExp(`/(${names.join("|")})\\.js$`);
  const setup = ({ onResolve }) =>
    onResolve({ filter }, ({ path, kind }) =>
      kind === "dynamic-import" ? { path: `./${basename(path)}`, external: true } : null,
    );
  return { name: "apart", setup };
}

rmSync(DIST, { recursive: true, force: true });
const esm = { ...shared, outdir: DIST, format: "esm" };
await build({ ...esm, entryPoints: { index: "src/index.ts" }, plugins: [apart("event_stream", "overlay")] });
await build({ ...esm, entryPoints: LATER });
await build({
  ...shared,
  entryPoints: ["src/index.ts"],
  outfile: join(DIST, "fanwire.iife.js"),
  format: "iife",
  globalName: "fanwire",
  plugins: [apart("overlay")],
});

const DIST_PAGES = join(DIST, "pages");
await build({
  ...shared,
  sourcemap: false,
  format: "esm",
  entryPoints: PAGES.flatMap(({ name }) => [
    { in: `src/${name}/page.ts`, out: name },
    { in: `pages/${name}.css`, out: name },
  ]),
  outdir: DIST_PAGES,
  plugins: [apart("event_stream", "overlay")],
});
for (const { name } of PAGES) cpSync(join(HERE, "pages", `${name}.html`), join(DIST_PAGES, `${name}.html`));

// It is in ops.js, and its license wants to be where it is.
cpSync(join(HERE, "node_modules", "uplot", "LICENSE"), join(DIST_PAGES, "ops.uplot-license.txt"));

let failed = false;
function report(name, budget, files) {
  const size = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length, 0);
  const over = size > budget;
  failed ||= over;
  const verdict = `${String(size).padStart(6)} of ${budget} bytes gzipped${over ? "  TOO LARGE" : ""}`;
  console.log(`${name.padEnd(7)} ${verdict}  (${files.join(", ")})`);
}

for (const { name, entry, bytes } of BUDGETS) report(name, bytes, [entry]);
for (const { name, bytes } of PAGES) {
  report(
    name,
    bytes,
    ["html", "css", "js"].map((kind) => `pages/${name}.${kind}`),
  );
}

const types = spawnSync(join(HERE, "node_modules", ".bin", "tsc"), ["-p", "tsconfig.types.json"], {
  cwd: HERE,
  stdio: "inherit",
});
if (types.status !== 0) failed = true;

mkdirSync(STATIC, { recursive: true });
for (const old of readdirSync(STATIC)) rmSync(join(STATIC, old), { recursive: true });
for (const folder of [DIST, DIST_PAGES]) {
  for (const file of readdirSync(folder)) {
    if (/\.(?:js|css|html|txt)$/.test(file)) cpSync(join(folder, file), join(STATIC, file));
  }
}
if (failed) process.exit(1);
// Last of all: the Makefile takes its date for that of the whole build.
writeFileSync(join(STATIC, ".built"), "");
utimesSync(join(STATIC, ".built"), new Date(), new Date());
