import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeConfig } from "../request/containerConfig.ts";
import { parseHostConfig } from "../request/hostConfig.ts";
import { containerSysctls } from "./sysctls.ts";

const config = mergeConfig({ Image: "x", Cmd: ["x"] }, {}, "h");
const sysctls = (request: object): Record<string, string> =>
  containerSysctls({ config, hostConfig: parseHostConfig(request) });

test("sysctls: a network of its own lets everybody bind low ports and ping", () => {
  assert.equal(sysctls({})["net.ipv4.ip_unprivileged_port_start"], "0");
  assert.deepEqual(sysctls({ NetworkMode: "host" }), {});
  assert.deepEqual(sysctls({ NetworkMode: "container:x" }), {});
  assert.equal(
    sysctls({ Sysctls: { "net.ipv4.ip_unprivileged_port_start": "1024" } })["net.ipv4.ip_unprivileged_port_start"],
    "1024",
  );
});

test("sysctls: a domain name is set, but not in the host's UTS namespace", () => {
  const named = { config: { ...config, Domainname: "d" }, hostConfig: parseHostConfig({}) };
  assert.equal(containerSysctls(named)["kernel.domainname"], "d");
  assert.throws(() => containerSysctls({ ...named, hostConfig: parseHostConfig({ UTSMode: "host" }) }), {
    message: /sysctl "kernel.domainname" is not in a separate kernel namespace/,
  });
});

test("sysctls: what would change the host is refused in Docker's words", () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ Sysctls: { "net.x": "1" }, NetworkMode: "host" }, 'sysctl "net.x" not allowed in host network namespace'],
    [
      { Sysctls: { "kernel.sem": "1" }, IpcMode: "host" },
      'sysctl "kernel.sem" is not allowed in the hosts ipc namespace',
    ],
    [{ Sysctls: { "kernel.panic": "1" } }, 'sysctl "kernel.panic" is not in a separate kernel namespace'],
    [
      { Sysctls: { "kernel.hostname": "1" } },
      'sysctl "kernel.hostname" is not allowed as it conflicts with the OCI "hostname" field',
    ],
  ];
  for (const [request, message] of cases) {
    assert.throws(
      () => sysctls(request),
      (error: Error) => error.message.endsWith(`runc create failed: ${message}: unknown`),
      message,
    );
  }
});
