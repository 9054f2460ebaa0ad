import assert from "node:assert/strict";
import { test } from "node:test";
import { checkNameservers, parseExtraHosts } from "./addressChecks.ts";
import { Fields } from "./fields.ts";

const parse = (host: string): readonly string[] | null =>
  parseExtraHosts(new Fields({ ExtraHosts: [host] }, "HostConfig"));

test("extra hosts: a name and an address, of either version, or the host's gateway", () => {
  for (const host of ["a:1.2.3.4", "a:::1", "a: 1.2.3.4 ", "a:host-gateway"]) assert.deepEqual(parse(host), [host]);
  assert.equal(parseExtraHosts(new Fields({}, "HostConfig")), null);
});

for (const host of ["", "a", ":1.2.3.4", "a=1.2.3.4"]) {
  test(`extra hosts: ${JSON.stringify(host)} has no such form`, () => {
    const message = `bad format for add-host: ${JSON.stringify(host)}`;
    assert.throws(() => parse(host), { category: "invalid_argument", message });
  });
}

for (const address of ["", "1.2.3", "01.2.3.4", "1.1.1.1:80", "[::1]", "fe80::1%eth0"]) {
  test(`extra hosts: ${JSON.stringify(address)} is no address`, () => {
    const message = `invalid IP address in add-host: ${JSON.stringify(address)}`;
    assert.throws(() => parse(`a:${address}`), { category: "invalid_argument", message });
  });
}

const BAD_SERVERS: readonly (readonly [string, string])[] = [
  ["", "unable to parse IP"],
  ["foo", "unable to parse IP"],
  ["%x", "missing IPv6 address"],
  ["1.1.1", "IPv4 address too short"],
  ["1.2.3.4.5", "IPv4 address too long"],
  ["256.1.1.1", "IPv4 field has value >255"],
  ["01.1.1.1", "IPv4 field has octet with leading zero"],
  ["1..2.3", 'IPv4 field must have at least one digit (at ".2.3")'],
  ["1.2.3.", 'IPv4 field must have at least one digit (at ".")'],
  [" 1.1.1.1", 'unexpected character (at " 1.1.1.1")'],
  ["1.1.1.1a", 'unexpected character (at "a")'],
];
for (const [server, why] of BAD_SERVERS) {
  test(`name servers: ${JSON.stringify(server)} is refused as Go does`, () => {
    const message = `bad nameserver address ${server}: ParseAddr(${JSON.stringify(server)}): ${why}`;
    assert.throws(() => checkNameservers(["1.1.1.1", server]), { category: "internal", message });
  });
}

test("name servers: addresses of either version, with a zone too", () => {
  checkNameservers(["1.1.1.1", "::1", "fe80::1%lo"]);
});
