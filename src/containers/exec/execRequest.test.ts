import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConsoleSize, parseExecRequest } from "./execRequest.ts";

test("exec request: what is absent is off, or the container's own", () => {
  const { detachKeys, ...config } = parseExecRequest({ Cmd: ["true"] });
  assert.deepEqual([...detachKeys], [16, 17]);
  assert.deepEqual(config, {
    command: ["true"],
    stdin: false,
    stdout: false,
    stderr: false,
    tty: false,
    givesDetachKeys: false,
    env: [],
    privileged: false,
    user: "",
    workingDir: "",
  });
});

test("exec request: a size is two positive numbers, everything else is none", () => {
  assert.deepEqual(parseConsoleSize([33, 77]), { rows: 33, columns: 77 });
  for (const value of [undefined, null, [], [1], [0, 0], ["1", "2"], "33x77"])
    assert.equal(parseConsoleSize(value), undefined);
});

test("exec request: wrong ones are refused", () => {
  assert.throws(() => parseExecRequest({ Cmd: [] }), { message: "No exec command specified" });
  assert.throws(() => parseExecRequest({ Cmd: "true" }), /expected a list of strings/);
  assert.throws(() => parseExecRequest({ Cmd: ["true"], DetachKeys: "ctrl-" }), /Invalid escape keys/);
});
