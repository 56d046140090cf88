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

test("the script tag's file is whole: it asks for no other, and gives the same names", () => {
  const text = readFileSync(built(PACKAGE.unpkg), "utf8");
  const page = createContext({});
  runInContext(`${text}; globalThis.names = Object.keys(fanwire).sort();`, page);
  assert.deepEqual([...(page.names as string[])], ["Client", "FanwireError"]);
  assert.doesNotMatch(text, /\bimport\(/);
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
