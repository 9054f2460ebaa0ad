import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHostConfig } from "../request/hostConfig.ts";
import { containerDevices, parseDeviceRule } from "./devices.ts";

const device = (path: string, inside = "/dev/x", access = "rw"): object => ({
  PathOnHost: path,
  PathInContainer: inside,
  CgroupPermissions: access,
});

test("devices: a node under its name in the container, and what its group may do with it", () => {
  const { nodes, rules } = containerDevices(parseHostConfig({ Devices: [device("/dev/null")] }));
  assert.deepEqual(
    nodes.map(({ path, type, major, minor }) => ({ path, type, major, minor })),
    [{ path: "/dev/x", type: "c", major: 1, minor: 3 }],
  );
  assert.deepEqual(rules, [{ allow: true, type: "c", major: 1, minor: 3, access: "rw" }]);
});

test("devices: a symlink means what it leads to, a directory all nodes below it", () => {
  const linked = containerDevices(parseHostConfig({ Devices: [device("/proc/self/cwd/../../../../../dev/zero")] }));
  assert.equal(linked.nodes[0]?.minor, 5);
  const pts = containerDevices(parseHostConfig({ Devices: [device("/dev/net", "/dev/here")] })).nodes;
  assert.deepEqual(
    pts.map(({ path }) => path),
    ["/dev/here/tun"],
  );
});

test("devices: what is no device is refused in Docker's words", () => {
  const gather = (path: string): unknown => containerDevices(parseHostConfig({ Devices: [device(path)] }));
  const prefix = 'error gathering device information while adding custom device "';
  assert.throws(() => gather("/nope"), { message: `${prefix}/nope": no such file or directory` });
  assert.throws(() => gather("/proc/self/status"), { message: `${prefix}/proc/self/status": not a device node` });
});

test("devices: rules for devices that may come later", () => {
  assert.deepEqual(parseDeviceRule("c 1:* rwm"), { allow: true, type: "c", major: 1, access: "rwm" });
  assert.deepEqual(parseDeviceRule("a *:* r"), { allow: true, type: "a", access: "r" });
  assert.throws(() => parseDeviceRule("foo"), {
    category: "internal",
    message: "invalid device cgroup rule format: 'foo'",
  });
});

test("devices: there is no driver for GPUs", () => {
  const DeviceRequests = [{ Driver: "", Count: -1, DeviceIDs: null, Capabilities: [["gpu"]], Options: {} }];
  assert.throws(() => containerDevices(parseHostConfig({ DeviceRequests })), {
    message: 'could not select device driver "" with capabilities: [[gpu]]',
  });
});

test("devices: permissions that there are not are no permissions, without any there is no rule", () => {
  const of = (access: string): unknown =>
    containerDevices(parseHostConfig({ Devices: [device("/dev/null", "/dev/x", access)] })).rules;
  assert.deepEqual(of("rxm"), [{ allow: true, type: "c", major: 1, minor: 3, access: "rm" }]);
  assert.deepEqual(of("q"), []);
});

test("devices: empty permissions are refused in the words of Docker's runtime", () => {
  const Devices = [device("/dev/null"), device("/dev/null", "/dev/y", "")];
  assert.throws(() => containerDevices(parseHostConfig({ Devices })), {
    category: "internal",
    message: /: device access at 17 field cannot be empty: unknown$/,
  });
  assert.deepEqual(containerDevices(parseHostConfig({ Devices, Privileged: true })).rules, []);
});
