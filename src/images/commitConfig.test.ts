import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeDefaults } from "./commitConfig.ts";

const container = {
  User: "web",
  Env: ["PATH=/bin", "A=1"],
  Cmd: ["serve"],
  Entrypoint: ["/entry"],
  Labels: { a: "1", b: "2" },
  Volumes: { "/data": {} },
  WorkingDir: "/srv",
  Healthcheck: { Test: ["CMD", "ok"], Interval: 5 },
};

test("commit config: what is not said is the container's", () => {
  assert.deepEqual(mergeDefaults({}, container), container);
});

test("commit config: variables, labels and volumes are joined, own ones first", () => {
  const merged = mergeDefaults({ Env: ["A=2", "B=3"], Labels: { b: "x" }, Volumes: { "/more": {} } }, container);
  assert.deepEqual(merged.Env, ["A=2", "B=3", "PATH=/bin"]);
  assert.deepEqual(merged.Labels, { a: "1", b: "x" });
  assert.deepEqual(merged.Volumes, { "/data": {}, "/more": {} });
});

test("commit config: an own entrypoint takes the container's command away, an own command does not", () => {
  assert.deepEqual(mergeDefaults({ Entrypoint: ["/new"] }, container).Cmd, null);
  const command = mergeDefaults({ Cmd: ["other"] }, container);
  assert.deepEqual([command.Entrypoint, command.Cmd], [["/entry"], ["other"]]);
});

test("commit config: health checks are joined field by field", () => {
  assert.deepEqual(mergeDefaults({ Healthcheck: { Interval: 9 } }, container).Healthcheck, {
    Test: ["CMD", "ok"],
    Interval: 9,
  });
});
