import assert from "node:assert/strict";
import { test } from "node:test";
import { addressesOf } from "../src/client/addresses.js";

test("the gateway and its socket are the same address", () => {
  const expected = {
    socket: "wss://host:8443/api/ws",
    events: "https://host:8443/api/events",
    publish: "https://host:8443/api/publish",
    replay: "https://host:8443/api/ws/replay",
  };
  for (const url of ["https://host:8443", "wss://host:8443/", "wss://host:8443/api/ws"])
    assert.deepEqual(addressesOf(url), expected);
});

test("an address without a host is the page's own", () => {
  assert.equal(addressesOf("/", "http://127.0.0.1:8080/demo/x.html#token=a").socket, "ws://127.0.0.1:8080/api/ws");
  assert.equal(addressesOf("/live/", "https://host/").publish, "https://host/live/api/publish");
});

test("what is no address of a gateway is refused", () => {
  assert.throws(() => addressesOf("ftp://host"), TypeError);
  assert.throws(() => addressesOf("/"), TypeError);
});
