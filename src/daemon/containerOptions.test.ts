import assert from "node:assert/strict";
import { test } from "node:test";
import { toContainerDefaults } from "./containerOptions.ts";

test("containers' defaults: nothing given is nothing said", () => {
  assert.deepEqual(toContainerDefaults({}), {
    logConfig: { Type: "json-file", Config: {} },
    hostConfig: {},
    noNewPrivileges: false,
  });
});

test("containers' defaults: what was given, in the fields of a request", () => {
  const given = {
    logDriver: "local",
    logOptions: ["max-size=10m", "tag=a=b"],
    defaultRuntime: "runc",
    shmSize: "1.5g",
    ipcMode: "shareable",
    cgroupnsMode: "host",
    cgroupParent: "/box",
    init: true,
    noNewPrivileges: true,
  };
  assert.deepEqual(toContainerDefaults(given), {
    logConfig: { Type: "local", Config: { "max-size": "10m", tag: "a=b" } },
    hostConfig: {
      ShmSize: 1.5 * 2 ** 30,
      IpcMode: "shareable",
      CgroupnsMode: "host",
      CgroupParent: "/box",
      Init: true,
      Runtime: "runc",
    },
    noNewPrivileges: true,
  });
});

test("containers' defaults: what cannot be is refused", () => {
  assert.throws(() => toContainerDefaults({ shmSize: "x" }), { message: "invalid size: 'x'" });
  assert.throws(() => toContainerDefaults({ logOptions: ["x"] }), { message: "invalid key=value pair: x" });
  assert.throws(() => toContainerDefaults({ ipcMode: "host" }), { message: "IPC mode value invalid: host" });
  assert.throws(() => toContainerDefaults({ defaultRuntime: "kata" }), { message: /'kata' does not exist/ });
});
