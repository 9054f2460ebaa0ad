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
  [{ PidMode: "container:" }, "invalid_argument", "invalid PID mode: container:"],
  [{ IpcMode: "foo" }, "invalid_argument", "invalid IPC mode: foo"],
  [{ UTSMode: "foo" }, "invalid_argument", "invalid UTS mode: foo"],
  [{ CgroupnsMode: "foo" }, "invalid_argument", "invalid cgroup namespace mode: foo"],
  [{ Isolation: "hyperv" }, "internal", "Invalid isolation: \"hyperv\" - linux only supports 'default'"],
  [{ SecurityOpt: ["foo"] }, "internal", 'invalid --security-opt 1: "foo"'],
  [{ SecurityOpt: ["foo=bar"] }, "internal", 'invalid --security-opt 2: "foo=bar"'],
  [{ StorageOpt: { foo: "1" } }, "internal", "Unknown option foo"],
  [
    { Annotations: { "": "x" } },
    "invalid_argument",
    "invalid Annotations: the empty string is not permitted as an annotation key",
  ],
  [{ IOMaximumIOps: 1 }, "internal", "Invalid QoS settings: linux does not support configuration of maximum IOPs"],
  [{ Tmpfs: { rel: "" } }, "invalid_argument", "invalid mount path: 'rel' mount path must be absolute"],
  [{ Runtime: "kata" }, "invalid_argument", "unknown or invalid runtime name: kata"],
  [
    { LogConfig: { Type: "json-file", Config: { foo: "1" } } },
    "invalid_argument",
    "unknown log opt 'foo' for json-file log driver",
  ],
  [
    { ShmSize: "64m" },
    "invalid_argument",
    "invalid JSON: json: cannot unmarshal string into Go struct field HostConfig.HostConfig.ShmSize of type int64",
  ],
];
for (const [request, category, message] of REFUSED) {
  test(`host config: ${message}`, () => {
    assert.throws(() => parseHostConfig(request), { category, message });
  });
}

test("host config: who sees all of the host has no label of its own", () => {
  assert.deepEqual(parseHostConfig({ Privileged: true }).SecurityOpt, ["label=disable"]);
  assert.deepEqual(parseHostConfig({ PidMode: "host", SecurityOpt: ["seccomp=unconfined"] }).SecurityOpt, [
    "seccomp=unconfined",
    "label=disable",
  ]);
  assert.equal(parseHostConfig({}).SecurityOpt, null);
});

test("host config: inspect shows a list that was not sent as null, an empty one as such", () => {
  const wire = hostConfigOnWire(parseHostConfig({ Dns: [], Init: false }));
  assert.deepEqual([wire["Dns"], wire["DnsSearch"], wire["Devices"], wire["Init"]], [[], null, null, false]);
  assert.equal("Init" in hostConfigOnWire(parseHostConfig({})), false);
});

test("host config: inspect shows the cgroup that was sent", () => {
  assert.equal(hostConfigOnWire(parseHostConfig({ Cgroup: "foo" }))["Cgroup"], "foo");
  assert.equal(hostConfigOnWire(parseHostConfig({}))["Cgroup"], "");
});
