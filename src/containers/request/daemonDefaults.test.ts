import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDefaults, withDefaults } from "./daemonDefaults.ts";
import type { ContainerDefaults } from "./daemonDefaults.ts";

const DEFAULTS: ContainerDefaults = {
  logConfig: { Type: "local", Config: { "max-size": "10m", "max-file": "3" } },
  hostConfig: { ShmSize: 1024, IpcMode: "shareable", Init: true },
  noNewPrivileges: true,
};
const hostConfigOf = (hostConfig: unknown): unknown =>
  withDefaults({ Image: "x", HostConfig: hostConfig as Record<string, unknown> }, DEFAULTS).HostConfig;

test("daemon's defaults: a container that says nothing gets them", () => {
  assert.deepEqual(hostConfigOf(undefined), {
    ShmSize: 1024,
    IpcMode: "shareable",
    Init: true,
    LogConfig: { Type: "local", Config: { "max-size": "10m", "max-file": "3" } },
    SecurityOpt: ["no-new-privileges"],
  });
});

test("daemon's defaults: what a request says holds, options of the log option by option", () => {
  const said = {
    ShmSize: 5,
    IpcMode: "none",
    Init: false,
    LogConfig: { Type: "", Config: { "max-size": "1m" } },
    SecurityOpt: ["no-new-privileges=false"],
  };
  assert.deepEqual(hostConfigOf(said), {
    ...said,
    LogConfig: { Type: "local", Config: { "max-size": "1m", "max-file": "3" } },
  });
});

test("daemon's defaults: options of the log are those of its driver only", () => {
  const LogConfig = { Type: "none", Config: {} };
  assert.deepEqual(Reflect.get(Object(hostConfigOf({ LogConfig })), "LogConfig"), LogConfig);
});

test("daemon's defaults: wrong types stay as they are", () => {
  assert.equal(hostConfigOf("x"), "x");
  const wrong = { LogConfig: 5, SecurityOpt: "x", ShmSize: 1, IpcMode: "a", Init: false };
  assert.deepEqual(hostConfigOf(wrong), wrong);
});

test("daemon's defaults: a driver that there is not is refused", () => {
  const logConfig = { Type: "nope", Config: {} };
  assert.throws(() => checkDefaults({ ...DEFAULTS, logConfig }), { message: /plugin "nope" not found/ });
});
