import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { redacted } from "../src/client/redaction.js";

test("the values of tell-tale fields are taken out, and nothing else", () => {
  assert.equal(
    redacted('{"type":"auth","data":{"token":"abc","note":"x","user_password":"q\\"w","apiKey" : "k"}}'),
    '{"type":"auth","data":{"token":"[redacted]","note":"x","user_password":"[redacted]","apiKey" : "[redacted]"}}',
  );
  assert.equal(redacted('{"tokens":17,"message":"a token is a word"}'), '{"tokens":17,"message":"a token is a word"}');
});

test("lists and objects under a tell-tale name go as well, numbers stay", () => {
  assert.equal(
    redacted('{"tokens":["a","b"],"credentials":{"key":"k"},"tokens_used":17,"x":["y"]}'),
    '{"tokens":"[redacted]","credentials":"[redacted]","tokens_used":17,"x":["y"]}',
  );
});

test("a token is known by its looks wherever it stands", () => {
  assert.equal(redacted("?token=eyJhbGciOi.eyJzdWIi.sig-nature&x"), "?token=[redacted]&x");
});

test("a secret that is cut off in the middle goes as well", () => {
  assert.equal(redacted('{"token":"half of a secr'), '{"token":"[redacted]"');
  assert.equal(redacted('{"token":"ends in a \\'), '{"token":"[redacted]"');
});

test("no secret survives, however it is cut", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.nat(400), (filling, cut) => {
      const text = JSON.stringify({ filling, data: { token: `s3cr3t${filling}s3cr3t` } });
      assert.ok(!redacted(text.slice(0, cut)).includes("s3cr3t") || filling.includes("s3cr3t"));
    }),
  );
});
