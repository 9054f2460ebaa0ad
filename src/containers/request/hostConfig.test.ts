import assert from "node:assert/strict";
import { test } from "node:test";
import { hostConfigOnWire, parseHostConfig } from "./hostConfig.ts";

test("host config: Docker's defaults when nothing is asked", () => {
  const { NetworkMode, IpcMode, ShmSize, LogConfig, PidsLimit, MaskedPaths } = parseHostConfig(undefined);
  assert.deepEqual(
    { NetworkMode, IpcMode, ShmSize, LogConfig, PidsLimit, masked: MaskedPaths?.length },
    {
      NetworkMode: "bridge",
      IpcMode: "private",
      ShmSize: 67108864,
      LogConfig: { Type: "json-file", Config: {} },
      PidsLimit: null,
      masked: 11,
    },
  );
});

test("host config: inspect shows the fields that are not supported as Docker's defaults", () => {
  const wire = hostConfigOnWire(parseHostConfig({ NetworkMode: "none" }));
  assert.deepEqual(wire["RestartPolicy"], { Name: "no", MaximumRetryCount: 0 });
  assert.equal(wire["Binds"], null);
  assert.equal("Tmpfs" in wire, false);
});

const REFUSED: readonly (readonly [object, string, string])[] = [
  [{ PidMode: "container:x" }, "not_implemented", "varve does not support PidMode container:x yet"],
  [{ Memory: 1 << 20 }, "invalid_argument", "Minimum memory limit allowed is 6MB"],
  [{ Tmpfs: { rel: "" } }, "invalid_argument", "invalid mount path: 'rel' mount path must be absolute"],
  [{ Runtime: "kata" }, "invalid_argument", "unknown or invalid runtime name: kata"],
  [{ LogConfig: { Type: "syslog" } }, "not_implemented", "varve does not support --log-driver syslog yet (LogConfig)"],
  [
    { LogConfig: { Type: "json-file", Config: { "max-size": "1m" } } },
    "not_implemented",
    "varve does not support --log-opt max-size yet (LogConfig)",
  ],
  [
    { SecurityOpt: ["seccomp={}"] },
    "not_implemented",
    "varve does not support --security-opt seccomp=… yet (SecurityOpt)",
  ],
  [{ ShmSize: "64m" }, "invalid_argument", "HostConfig.ShmSize: expected an integer"],
];
for (const [request, category, message] of REFUSED) {
  test(`host config: ${message}`, () => {
    assert.throws(() => parseHostConfig(request), { category, message });
  });
}
