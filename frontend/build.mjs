// Builds the npm package into dist/ and the browser's files, pages included, into ../server/static/: `node build.mjs`.
// Ends with exit code 1 where a file is larger, gzipped, than its budget.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
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
];

// All that a page loads at once: its HTML, its stylesheet and its script.
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

rmSync(DIST, { recursive: true, force: true });
const { metafile } = await build({
  ...shared,
  entryPoints: { index: "src/index.ts" },
  outdir: DIST,
  format: "esm",
  splitting: true,
  // Names without hashes: the gateway serves them with an ETag, and a stale wheel has no stale chunks.
  chunkNames: "[name]",
  metafile: true,
});
await build({
  ...shared,
  entryPoints: ["src/index.ts"],
  outfile: join(DIST, "fanwire.iife.js"),
  format: "iife",
  globalName: "fanwire",
});

// A file and what it imports at once, without which it does not run.
function importedBy(file, { outputs }, folder, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const { path, kind } of outputs[folder + file]?.imports ?? []) {
    if (kind === "import-statement") importedBy(path.replace(folder, ""), { outputs }, folder, seen);
  }
  return seen;
}

let failed = false;
function report(name, budget, files) {
  const size = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length, 0);
  const over = size > budget;
  failed ||= over;
  const verdict = `${String(size).padStart(6)} of ${budget} bytes gzipped${over ? "  TOO LARGE" : ""}`;
  console.log(`${name.padEnd(6)} ${verdict}  (${files.join(", ")})`);
}

const withImports = (entry) => importedBy(entry, metafile, "dist/");
const core = withImports("index.js");
for (const { name, entry, bytes } of BUDGETS) {
  report(
    name,
    bytes,
    [...withImports(entry)].filter((file) => name === "core" || !core.has(file)),
  );
}

const DIST_PAGES = join(DIST, "pages");
await build({
  ...shared,
  sourcemap: false,
  entryPoints: PAGES.flatMap(({ name }) => [
    { in: `src/${name}/page.ts`, out: name },
    { in: `pages/${name}.css`, out: name },
  ]),
  outdir: DIST_PAGES,
  format: "esm",
  splitting: true,
  // Beside the client's own files, whose chunks have the same names.
  chunkNames: "page-[name]-[hash]",
  metafile: true,
}).then(({ metafile: pages }) => {
  for (const { name, bytes } of PAGES) {
    cpSync(join(HERE, "pages", `${name}.html`), join(DIST_PAGES, `${name}.html`));
    const script = `${name}.js`;
    const files = [`${name}.html`, `${name}.css`, ...importedBy(script, pages, "dist/pages/")];
    report(
      name,
      bytes,
      files.map((file) => join("pages", file)),
    );
  }
});

const types = spawnSync(join(HERE, "node_modules", ".bin", "tsc"), ["-p", "tsconfig.types.json"], {
  cwd: HERE,
  stdio: "inherit",
});
if (types.status !== 0) failed = true;

mkdirSync(STATIC, { recursive: true });
for (const old of readdirSync(STATIC)) rmSync(join(STATIC, old), { recursive: true });
for (const folder of [DIST, DIST_PAGES]) {
  for (const file of readdirSync(folder)) {
    if (/\.(?:js|css|html)$/.test(file)) cpSync(join(folder, file), join(STATIC, file));
  }
}
if (failed) process.exit(1);
// Last of all: the Makefile takes its date for that of the whole build.
writeFileSync(join(STATIC, ".built"), "");
utimesSync(join(STATIC, ".built"), new Date(), new Date());
