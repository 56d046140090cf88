import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";

const HERE = new URL("../", import.meta.url);
const PACKAGE = JSON.parse(readFileSync(new URL("package.json", HERE), "utf8"));

function built(path: string): string {
  const file = fileURLToPath(new URL(path, HERE));
  if (!existsSync(file)) throw new Error(`${file} is missing. Run: make frontend-check (or node frontend/build.mjs)`);
  return file;
}

test("the package's front door has these names and no more", async () => {
  const offered = await import(built(PACKAGE.exports["."].default));
  assert.deepEqual(Object.keys(offered).sort(), ["Client", "FanwireError"]);
});

test("the script tag's file is whole but for the overlay, which it looks for beside itself, and gives the same names", () => {
  const text = readFileSync(built(PACKAGE.unpkg), "utf8");
  const page = createContext({});
  runInContext(`${text}; globalThis.names = Object.keys(fanwire).sort();`, page);
  assert.deepEqual([...(page.names as string[])], ["Client", "FanwireError"]);
  assert.deepEqual(text.match(/\bimport\([^)]*\)/g), ['import("./overlay.js")']);
});

test("files that are loaded later are whole by themselves", async () => {
  for (const name of ["event_stream.js", "overlay.js"]) {
    assert.doesNotMatch(readFileSync(built(`dist/${name}`), "utf8"), /\bimport\b/, name);
  }
});

test("the types are there, and those of the inside are not", () => {
  assert.match(readFileSync(built(PACKAGE.types), "utf8"), /\bClient\b/);
  const subscription = readFileSync(built("dist/types/client/subscription.d.ts"), "utf8");
  assert.match(subscription, /\bunsubscribe\(\)/);
  assert.doesNotMatch(subscription, /\btake\(|\bjoined\(/);
});

test("nothing is needed at run time", () => {
  assert.equal(PACKAGE.dependencies, undefined);
});
