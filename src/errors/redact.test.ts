import assert from "node:assert/strict";
import { test } from "node:test";
import { redactUrl } from "./redact.ts";

test("redactUrl: drops user and password", () => {
  assert.equal(redactUrl("https://me:s3cret@registry.test/v2/"), "https://registry.test/v2/");
  assert.equal(redactUrl("https://me@registry.test/v2/"), "https://registry.test/v2/");
});

test("redactUrl: hides what signs a request, whatever its case, also when given twice", () => {
  for (const name of ["X-Amz-Signature", "sig", "token", "X-Goog-Signature", "access_token", "client_secret"]) {
    const shown = redactUrl(`https://cdn.test/blob?a=1&${name}=s3cret&${name}=s3cret`);
    assert.ok(!shown.includes("s3cret"), shown);
    assert.ok(shown.includes("a=1"), shown);
  }
});

test("redactUrl: leaves alone what has no secret and what is no URL", () => {
  assert.equal(
    redactUrl("https://registry.test/v2/a/blobs/sha256:9f?ns=docker.io"),
    "https://registry.test/v2/a/blobs/sha256:9f?ns=docker.io",
  );
  assert.equal(redactUrl("no url at all"), "no url at all");
});
