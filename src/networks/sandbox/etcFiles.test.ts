import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { changeHosts, extraHosts, renderHosts } from "./hostsFile.ts";
import { parseResolvConf, renderResolvConf, upstreamServers } from "./resolvConf.ts";
import type { ResolvConf } from "./resolvConf.ts";

const NONE: ResolvConf = { servers: [], search: [], options: [] };
const host = (conf: Partial<ResolvConf>): Parameters<typeof renderResolvConf>[2] => ({
  path: "/etc/resolv.conf",
  conf: { ...NONE, ...conf },
});
const plain = (text: string): readonly string[] =>
  text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

test("hosts: added hosts stand behind the loopback names; host-gateway needs an address", () => {
  const entries = extraHosts(["db:1.2.3.4", "six:fd00::1", "gw:host-gateway", "new=1.1.1.1"], "172.17.0.1");
  assert.deepEqual(
    entries.map(({ address, names }) => `${names} ${address}`),
    ["db 1.2.3.4", "six fd00::1", "gw 172.17.0.1", "new 1.1.1.1"],
  );
  assert.deepEqual(extraHosts(["gw:host-gateway"], undefined), []);
  assert.ok(renderHosts(entries).startsWith("127.0.0.1\tlocalhost\n"));
  assert.ok(renderHosts(entries).endsWith("172.17.0.1\tgw\n1.1.1.1\tnew\n"));
});

test("hosts: a change keeps the inode and what a container wrote itself", () => {
  const folder = mkdtempSync(join(tmpdir(), "varve-hosts-"));
  const path = join(folder, "hosts");
  const own = { address: "172.18.0.2", names: "web" };
  const other = { address: "172.19.0.2", names: "web" };
  writeFileSync(path, `${renderHosts([own])}9.9.9.9\tmine`);
  const { ino } = statSync(path);
  changeHosts(path, { add: [other], remove: [own] });
  assert.equal(readFileSync(path, "utf8"), `${renderHosts([])}9.9.9.9\tmine\n172.19.0.2\tweb\n`);
  assert.equal(statSync(path).ino, ino);
  rmSync(folder, { recursive: true });
});

test("resolv.conf: comments, a later search, a root domain", () => {
  const text =
    "# x\nnameserver 10.0.0.1 ; y\nsearch a b\ndomain c\noptions ndots:2 rotate\nnameserver ::1\nsearch d .\n";
  assert.deepEqual(parseResolvConf(text), {
    servers: ["10.0.0.1", "::1"],
    search: ["d"],
    options: ["ndots:2", "rotate"],
  });
});

test("resolv.conf: the default network sees the host's servers that it can reach, else public ones", () => {
  const servers = ["127.0.0.1", "10.0.0.1"];
  assert.deepEqual(plain(renderResolvConf("legacy", NONE, host({ servers }))), ["nameserver 10.0.0.1"]);
  assert.deepEqual(plain(renderResolvConf("legacy", NONE, host({ servers: ["127.0.0.1"] }))), [
    "nameserver 8.8.8.8",
    "nameserver 8.8.4.4",
  ]);
  assert.deepEqual(plain(renderResolvConf("host", NONE, host({ servers }))).length, 2);
  const own = { servers: ["127.0.0.9"], search: ["."], options: [] };
  assert.deepEqual(plain(renderResolvConf("legacy", own, host({ servers, search: ["x"] }))), ["nameserver 127.0.0.9"]);
});

test("resolv.conf: user-defined networks ask our server, with ndots:0 unless somebody said otherwise", () => {
  const text = renderResolvConf("internal", NONE, host({ servers: ["127.0.0.53", "10.0.0.1"] }));
  assert.deepEqual(plain(text), ["nameserver 127.0.0.11", "options ndots:0"]);
  assert.match(text, /^# ExtServers: \[host\(127\.0\.0\.53\) 10\.0\.0\.1\]$/m);
  const own = { servers: ["1.1.1.1"], search: ["a.b"], options: ["ndots:3"] };
  assert.deepEqual(plain(renderResolvConf("internal", own, host({}))), [
    "nameserver 127.0.0.11",
    "search a.b",
    "options ndots:3",
  ]);
  assert.deepEqual(upstreamServers(["1.1.1.1"], { ...NONE, servers: ["10.0.0.1"] }), ["1.1.1.1"]);
});
