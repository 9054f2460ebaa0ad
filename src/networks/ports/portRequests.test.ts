import assert from "node:assert/strict";
import { test } from "node:test";
import { parseContainerPort, parseHostPorts, portRequests } from "./portRequests.ts";

test("port requests: host ports are one, a range, or any", () => {
  assert.deepEqual(parseHostPorts("8080"), { from: 8080, to: 8080 });
  assert.deepEqual(parseHostPorts("8000-8010"), { from: 8000, to: 8010 });
  assert.deepEqual([parseHostPorts(""), parseHostPorts("0")], [undefined, undefined]);
  for (const text of ["x", "-1", "1-", "70000", "10-9", "1-2-3", "1.5", " 1"])
    assert.throws(() => parseHostPorts(text), {
      category: "invalid_argument",
      message: `invalid port specification: ${JSON.stringify(text)}`,
    });
});

test("port requests: container ports have a protocol, tcp unless they say another", () => {
  assert.deepEqual(parseContainerPort("80"), { protocol: "tcp", containerPort: 80 });
  assert.deepEqual(parseContainerPort("53/UDP"), { protocol: "udp", containerPort: 53 });
  assert.deepEqual(parseContainerPort("9/sctp"), { protocol: "sctp", containerPort: 9 });
  for (const text of ["", "80/icmp", "80/tcp/x", "99999"]) assert.throws(() => parseContainerPort(text));
});

test("port requests: chosen ports first, then ranges, then any; published exposed ports last", () => {
  const requests = portRequests(
    ["80/tcp", "443/tcp"],
    {
      "80/tcp": [
        { HostIp: "", HostPort: "" },
        { HostIp: "", HostPort: "8000-8001" },
        { HostIp: "127.0.0.1", HostPort: "8080" },
      ],
      "53/udp": [{ HostIp: "", HostPort: "53" }],
      "9/tcp": null,
    },
    true,
  );
  assert.deepEqual(requests, [
    { protocol: "udp", containerPort: 53, hostIp: "", hostPorts: { from: 53, to: 53 } },
    { protocol: "tcp", containerPort: 80, hostIp: "127.0.0.1", hostPorts: { from: 8080, to: 8080 } },
    { protocol: "tcp", containerPort: 80, hostIp: "", hostPorts: { from: 8000, to: 8001 } },
    { protocol: "tcp", containerPort: 80, hostIp: "" },
    { protocol: "tcp", containerPort: 443, hostIp: "" },
  ]);
});
