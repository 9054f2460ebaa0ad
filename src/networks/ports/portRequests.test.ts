import assert from "node:assert/strict";
import { test } from "node:test";
import type { PortBinding, PortMap } from "#engineapi";
import { parseContainerPort, parseHostPorts, portName, portRequests } from "./portRequests.ts";
import type { PortRequest } from "./portRequests.ts";

const ENDPOINT = { name: "web", id: "e1" };

test("port requests: host ports are one, a range, or any; only the number counts", () => {
  for (const text of ["8080", "08080", "8080/tcp", "8080/foo/x", "8080-8080-x"])
    assert.deepEqual(parseHostPorts(text), { from: 8080, to: 8080 }, text);
  assert.deepEqual(parseHostPorts("8000-8010"), { from: 8000, to: 8010 });
  for (const text of ["", "0", "0-0", "/tcp"]) assert.equal(parseHostPorts(text), undefined, text);
  for (const text of ["x", "-1", "1-", "70000", "10-9", "1.5", " 1"])
    assert.throws(() => parseHostPorts(text), {
      category: "invalid_argument",
      message: `invalid port specification: ${JSON.stringify(text)}`,
    });
});

test("port requests: container ports have a protocol, tcp unless they say another; what is no port is 0", () => {
  assert.deepEqual(parseContainerPort("80"), { protocol: "tcp", containerPort: 80 });
  assert.deepEqual(parseContainerPort("53/UDP"), { protocol: "udp", containerPort: 53 });
  const names = ["9/sctp", "80/", "80/tcp/x", "080", "x/tcp", "80-82/tcp", "99999", "80/foo", "8/icmp", "", "/tcp"];
  assert.deepEqual(names.map(portName), [
    "9/sctp",
    "80/tcp",
    "80/tcp",
    "80/tcp",
    "0/tcp",
    "0/tcp",
    "0/tcp",
    "80/0",
    "8/icmp",
    "0/0",
    "0/0",
  ]);
});

test("port requests: chosen ports first, then ranges, then any; all exposed ones when all are asked for", () => {
  const bindings: PortMap = {
    "80/tcp": [
      { HostIp: "", HostPort: "" },
      { HostIp: "", HostPort: "8000-8001" },
      { HostIp: "127.0.0.1", HostPort: "8080" },
    ],
    "53/udp": [{ HostIp: "", HostPort: "53" }],
    "9/tcp": null,
    "443/tcp": [],
  };
  const requests = portRequests(["80/tcp", "443/tcp", "53/udp"], { bindings, publishAll: true }, ENDPOINT);
  assert.deepEqual(requests, [
    { protocol: "udp", containerPort: 53, hostIp: "", hostPorts: { from: 53, to: 53 } },
    { protocol: "tcp", containerPort: 80, hostIp: "127.0.0.1", hostPorts: { from: 8080, to: 8080 } },
    { protocol: "tcp", containerPort: 80, hostIp: "", hostPorts: { from: 8000, to: 8001 } },
    { protocol: "tcp", containerPort: 80, hostIp: "" },
    { protocol: "tcp", containerPort: 443, hostIp: "" },
  ]);
});

const asked = (port: string, binding: Partial<PortBinding>, exposed = port): readonly PortRequest[] => {
  const bindings = { [port]: [{ HostIp: "", HostPort: "", ...binding }] };
  return portRequests([exposed], { bindings, publishAll: false }, ENDPOINT);
};

test("port requests: bindings of what is not exposed by the same key publish nothing", () => {
  assert.deepEqual(asked("80", {}, "80/tcp"), []);
  assert.deepEqual(asked("80/TCP", {}, "80/tcp"), []);
  assert.deepEqual(asked("80/TCP", {}), [{ protocol: "tcp", containerPort: 80, hostIp: "" }]);
});

test("port requests: a host address that is none means all of them", () => {
  const ips = ["foo", "localhost", "127.1", "0x7f.0.0.1", "[::1]", "fe80::1%lo", " 127.0.0.1", "010.0.0.1"];
  for (const HostIp of ips) assert.equal(asked("80/tcp", { HostIp })[0]?.hostIp, "", HostIp);
  assert.equal(asked("80/tcp", { HostIp: "::ffff:127.0.0.1" })[0]?.hostIp, "127.0.0.1");
  assert.equal(asked("80/tcp", { HostIp: "0:0:0:0:0:0:0:1" })[0]?.hostIp, "::1");
});

test("port requests: what is no transport, and a range from any port, is refused in Docker's words", () => {
  const prefix = "driver failed programming external connectivity on endpoint web (e1): ";
  for (const [port, protocol] of [
    ["80/foo", "0"],
    ["", "0"],
    ["80/icmp", "icmp"],
  ] as const) {
    const message = `${prefix}invalid transport protocol: ${protocol}`;
    assert.throws(() => asked(port, {}), { category: "internal", message });
  }
  assert.throws(() => asked("80/tcp", { HostPort: "0-9" }), { message: `${prefix}invalid port range: 0-9` });
});
