// Builds the npm package into dist/ and the browser's files into ../server/static/: `node build.mjs`.
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
function withImports(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  const known = metafile.outputs[`dist/${file}`];
  for (const { path, kind } of known?.imports ?? []) {
    if (kind === "import-statement") withImports(path.replace("dist/", ""), seen);
  }
  return seen;
}

const gzipped = (file) => gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length;
const core = withImports("index.js");
let failed = false;
for (const { name, entry, bytes } of BUDGETS) {
  const files = [...withImports(entry)].filter((file) => name === "core" || !core.has(file));
  const size = files.reduce((sum, file) => sum + gzipped(file), 0);
  const over = size > bytes;
  failed ||= over;
  console.log(
    `${name.padEnd(6)} ${String(size).padStart(6)} of ${bytes} bytes gzipped${over ? "  TOO LARGE" : ""}  (${files.join(", ")})`,
  );
}

const types = spawnSync(join(HERE, "node_modules", ".bin", "tsc"), ["-p", "tsconfig.types.json"], {
  cwd: HERE,
  stdio: "inherit",
});
if (types.status !== 0) failed = true;

mkdirSync(STATIC, { recursive: true });
for (const old of readdirSync(STATIC)) rmSync(join(STATIC, old), { recursive: true });
for (const file of readdirSync(DIST)) if (/\.js$/.test(file)) cpSync(join(DIST, file), join(STATIC, file));
if (failed) process.exit(1);
// Last of all: the Makefile takes its date for that of the whole build.
writeFileSync(join(STATIC, ".built"), "");
utimesSync(join(STATIC, ".built"), new Date(), new Date());
