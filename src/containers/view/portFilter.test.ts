import assert from "node:assert/strict";
import { test } from "node:test";
import { hasPort, portTest } from "./portFilter.ts";

const ROWS = [
  { PrivatePort: 80, PublicPort: 8080, Type: "tcp", IP: "0.0.0.0" },
  { PrivatePort: 53, Type: "udp" },
] as const;

test("port filter: publish asks for the host's port, expose for the container's", () => {
  assert.equal(hasPort(ROWS, "publish", portTest("publish", "8080")), true);
  assert.equal(hasPort(ROWS, "publish", portTest("publish", "80")), false);
  assert.equal(hasPort(ROWS, "expose", portTest("expose", "80/tcp")), true);
  assert.equal(hasPort(ROWS, "expose", portTest("expose", "53")), false);
  assert.equal(hasPort(ROWS, "expose", portTest("expose", "50-60/udp")), true);
});

test("port filter: what is no port is refused in Docker's words", () => {
  assert.throws(() => portTest("expose", "foo"), {
    message: 'error while looking up for expose foo: strconv.ParseUint: parsing "foo": invalid syntax',
  });
  assert.throws(() => portTest("publish", "1:2"), { message: "filter for 'publish' should not contain ':': 1:2" });
});
