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
  [":", 'each colon-separated field must have at least one digit (at ":")'],
  ["1::2::3", 'multiple :: in address (at ":3")'],
  ["::g", 'each colon-separated field must have at least one digit (at "g")'],
  [":::", 'each colon-separated field must have at least one digit (at ":")'],
  ["1:2:3:4:5:6:7:8:9", 'trailing garbage after address (at "9")'],
  ["1:2:3", "address string too short"],
  ["12345::", 'each group must have 4 or less digits (at "12345::")'],
  ["fe80::1%", "zone must be a non-empty string"],
  ["::1.2.3", "IPv4 address too short"],
  ["::ffff:1.2.3.400", "IPv4 field has value >255"],
  ["::1.2.3.4:5", 'unexpected character (at ":5")'],
  ["1:2:3:4:5:6:7:1.2.3.4", 'embedded IPv4 address must replace the final 2 fields of the address (at "1.2.3.4")'],
  ["1::3:4:5:6:7:8:9.1.2", 'too many hex fields to fit an embedded IPv4 at the end of the address (at "9.1.2")'],
  ["1:2:3:4:5:6:7::8:9", 'trailing garbage after address (at "9")'],
  ["1:2:3:4:5:6:7:8::", "the :: must expand to at least one field of zeros"],
  ["1::2:", 'colon must be followed by more characters (at ":")'],
  ["::1x", 'unexpected character, want colon (at "x")'],
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
