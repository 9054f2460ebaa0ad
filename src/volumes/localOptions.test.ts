import assert from "node:assert/strict";
import { test } from "node:test";
import { checkOptions, needsMount } from "./localOptions.ts";

const REFUSED: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
  [{ foo: "bar" }, 'create v: invalid option: "foo"'],
  [{ type: "tmpfs" }, 'create v: missing required option: "device"'],
  [{ device: "/tmp" }, 'create v: missing required option: "type"'],
  [{ o: "bind" }, 'create v: missing required option: "device"'],
  [{ size: "10m" }, "create v: quota size requested but no quota support"],
  [{ size: "1.5 GiB" }, "create v: quota size requested but no quota support"],
  [{ size: "x" }, "create v: invalid size: 'x'"],
  [{ size: "10Q" }, "create v: invalid suffix: 'q'"],
];
for (const [options, message] of REFUSED) {
  test(`volume options: ${JSON.stringify(options)} is refused as dockerd refuses it`, () => {
    assert.throws(() => checkOptions("v", options), { category: "invalid_argument", message });
  });
}

test("volume options: what mounts something, and what does not", () => {
  const tmpfs = { type: "tmpfs", device: "tmpfs", o: "size=1m" };
  checkOptions("v", tmpfs);
  checkOptions("v", { size: "0" });
  assert.equal(needsMount(tmpfs), true);
  assert.equal(needsMount({ type: "none", device: "" }), true);
  assert.equal(needsMount({ size: "0" }), false);
  assert.equal(needsMount(null), false);
});
