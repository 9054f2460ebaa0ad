import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSyslogOptions } from "./syslogOptions.ts";

test("syslog options: addresses, facilities, formats and their defaults", () => {
  const tls = { caFile: "", certificateFile: "", keyFile: "", verify: true };
  assert.deepEqual(parseSyslogOptions({}), { address: { scheme: "local" }, facility: 3, format: "unix", tls });
  const files = { "syslog-tls-ca-cert": "/a", "syslog-tls-cert": "/c", "syslog-tls-key": "/k" };
  assert.deepEqual(parseSyslogOptions({ ...files, "syslog-tls-skip-verify": "x" }).tls, {
    caFile: "/a",
    certificateFile: "/c",
    keyFile: "/k",
    verify: false,
  });
  const cases = [
    ["unix:///run/a.sock", { scheme: "unix", path: "/run/a.sock" }],
    ["unixgram:///dev/log", { scheme: "unixgram", path: "/dev/log" }],
    ["udp://10.0.0.1", { scheme: "udp", host: "10.0.0.1", port: "514" }],
    ["tcp+tls://h", { scheme: "tcp+tls", host: "h", port: "514" }],
    ["tcp://[::1]:601", { scheme: "tcp", host: "::1", port: "601" }],
  ] as const;
  for (const [text, address] of cases)
    assert.deepEqual(parseSyslogOptions({ "syslog-address": text }).address, address);
  for (const [text, facility] of [
    ["kern", 0],
    ["ftp", 11],
    ["local7", 23],
    ["17", 17],
  ] as const)
    assert.equal(parseSyslogOptions({ "syslog-facility": text }).facility, facility);
  assert.equal(parseSyslogOptions({ "syslog-format": "rfc5424micro" }).format, "rfc5424micro");
});

test("syslog options: refused in dockerd's words", () => {
  const cases = [
    [{ "syslog-address": "foo://1:2" }, "unsupported scheme: 'foo'"],
    [{ "syslog-address": "/dev/log" }, "unsupported scheme: ''"],
    [{ "syslog-address": "udp://[::1" }, `parse "udp://[::1": missing ']' in host`],
    [{ "syslog-facility": "foo" }, "invalid syslog facility"],
    [{ "syslog-facility": "24" }, "invalid syslog facility"],
    [{ "syslog-format": "foo" }, "Invalid syslog format"],
  ] as const;
  for (const [options, message] of cases) assert.throws(() => parseSyslogOptions({ ...options }), { message });
});
