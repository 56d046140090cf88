import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { debugDoor } from "../src/client/debug.js";
import type { DebugOverlay, Watched } from "../src/overlay/overlay.js";
import { settled } from "./support/manual_environment.js";

const WATCHED = {} as Watched;
const PAGE = globalThis as unknown as Record<string, unknown>;

afterEach(() => {
  delete PAGE.addEventListener;
  delete PAGE.location;
});

/** A page at `href` whose keys a test presses. */
function page(href = "https://page.test/") {
  const told: string[] = [];
  const handlers = new Set<(event: object) => void>();
  const overlay = { open: () => told.push("open"), close: () => told.push("close"), toggle: () => told.push("toggle") };
  PAGE.location = { href };
  PAGE.addEventListener = (name: string, handler: (event: object) => void, capture: boolean) => {
    assert.deepEqual([name, capture], ["keydown", true]);
    handlers.add(handler);
  };
  const load = () => {
    told.push("load");
    return Promise.resolve(overlay as unknown as DebugOverlay);
  };
  const press = async (keys: object) => {
    let prevented = false;
    const preventDefault = () => {
      prevented = true;
    };
    const up = { key: "D", code: "KeyD", ctrlKey: true, shiftKey: true, repeat: false, preventDefault };
    for (const handler of handlers) handler({ ...up, ...keys });
    await settled();
    return prevented;
  };
  return { door: debugDoor(WATCHED, load), told, press };
}

test("nothing is loaded before the overlay is first opened, and once only", async () => {
  const { door, told } = page();
  door.enable();
  await door.close();
  assert.deepEqual(told, []);
  await door.open();
  await door.toggle();
  await door.close();
  assert.deepEqual(told, ["load", "open", "toggle", "close"]);
});

test("the shortcut toggles, once however often it was enabled, and keeps the browser's own dialog away", async () => {
  const { door, told, press } = page();
  door.enable();
  door.enable();
  assert.equal(await press({}), true);
  assert.deepEqual(told, ["load", "toggle"]);
});

test("a key that is held down toggles once, and the browser still gets none of it", async () => {
  const { door, told, press } = page();
  door.enable();
  assert.equal(await press({ repeat: true }), true);
  assert.deepEqual(told, []);
});

test("the key is the one that says D, and its place where the letters are not Latin", async () => {
  const { door, press } = page();
  door.enable();
  const dvorak = { key: "D", code: "KeyH" };
  assert.deepEqual([await press(dvorak), await press({ key: "В", code: "KeyD" })], [true, true]);
  const others = [
    { key: "E", code: "KeyD" },
    { key: "Delete", code: "Delete" },
    { key: "F", code: "KeyF" },
  ];
  for (const keys of [...others, { shiftKey: false }, { ctrlKey: false }]) assert.equal(await press(keys), false);
});

for (const [href, opens] of [
  ["https://page.test/?fanwire_debug", true],
  ["https://page.test/?a=1&fanwire_debug=1", true],
  ["https://page.test/#fanwire_debug", true],
  ["https://page.test/fanwire_debug", false],
  ["https://page.test/?fanwire_debugger", false],
] as const) {
  test(`${href} ${opens ? "opens" : "does not open"} the overlay by itself`, async () => {
    const { door, told } = page(href);
    door.enable();
    await settled();
    assert.deepEqual(told, opens ? ["load", "open"] : []);
  });
}
