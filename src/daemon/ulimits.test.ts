import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUlimits, ulimitTexts } from "./ulimits.ts";

test("default ulimits: soft before hard, one alone is both, the last of a name counts", () => {
  assert.deepEqual(parseUlimits(["nofile=1:2", "core=0", "nofile=3:4", "memlock=-1:-1"]), [
    { Name: "nofile", Hard: 4, Soft: 3 },
    { Name: "core", Hard: 0, Soft: 0 },
    { Name: "memlock", Hard: -1, Soft: -1 },
  ]);
});

for (const [text, message] of [
  ["nofile", "invalid ulimit argument: nofile"],
  ["foo=1", "invalid ulimit type: foo"],
  ["nofile=3:2", "ulimit soft limit must be less than or equal to hard limit: 3 > 2"],
  ["nofile=-1:2", "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 2"],
] as const) {
  test(`default ulimits: ${text} is refused`, () => {
    assert.throws(() => parseUlimits([text]), { code: "INVALID_FLAG", message });
  });
}

test("default ulimits: daemon.json names each twice", () => {
  assert.deepEqual(ulimitTexts({ nofile: { Name: "nofile", Hard: 2048, Soft: 1024 } }), ["nofile=1024:2048"]);
  for (const value of [[], null, { nofile: 5 }, { nofile: { Hard: "x" } }]) assert.equal(ulimitTexts(value), undefined);
});
