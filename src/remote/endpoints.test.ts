import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointsOf, isInsecureHost } from "./endpoints.ts";
import { domainOfServerAddress } from "./serverAddress.ts";
import type { RegistryOptions } from "./registryClient.ts";

const OPTIONS: RegistryOptions = {
  insecureRegistries: ["10.0.0.0/8", "plain.example:5000", "fd00::/8"],
  registryMirrors: ["https://hub.example/", "http://127.0.0.1:5001"],
  mirrorsByHost: { "ghcr.io": ["https://m.example/ghcr"] },
  userAgent: "x",
};

const basesOf = (domain: string, scope: "pull" | "push"): readonly string[] =>
  endpointsOf(domain, scope, OPTIONS).flatMap(({ bases }) => bases.map(({ href }) => href));

for (const [domain, scope, expected] of [
  ["docker.io", "pull", ["https://hub.example/", "http://127.0.0.1:5001/", "https://registry-1.docker.io/"]],
  ["docker.io", "push", ["https://registry-1.docker.io/"]],
  ["ghcr.io", "pull", ["https://m.example/ghcr", "https://ghcr.io/"]],
  ["quay.io", "pull", ["https://quay.io/"]],
  ["127.0.0.1:5000", "pull", ["https://127.0.0.1:5000/", "http://127.0.0.1:5000/"]],
  ["plain.example:5000", "push", ["https://plain.example:5000/", "http://plain.example:5000/"]],
] as const) {
  test(`endpoints: of ${domain} for ${scope}`, () => assert.deepEqual(basesOf(domain, scope), expected));
}

for (const [host, expected] of [
  ["localhost", true],
  ["localhost:5000", true],
  ["127.8.9.1:80", true],
  ["[::1]:5000", true],
  ["10.1.2.3:5000", true],
  ["11.1.2.3", false],
  ["[fd12::1]:80", true],
  ["[fe80::1]", false],
  ["plain.example:5000", true],
  ["plain.example", false],
  ["127.evil.example", false],
  ["localhost.example", false],
] as const) {
  test(`insecure: ${host} is ${expected}`, () =>
    assert.equal(isInsecureHost(host, OPTIONS.insecureRegistries), expected));
}

for (const [text, expected] of [
  ["", "docker.io"],
  ["https://index.docker.io/v1/", "docker.io"],
  ["docker.io", "docker.io"],
  ["127.0.0.1:5000", "127.0.0.1:5000"],
  ["http://registry.example/v2/", "registry.example"],
] as const) {
  test(`login: the server address ${JSON.stringify(text)} means ${expected}`, () =>
    assert.equal(domainOfServerAddress(text), expected));
}

test("login: a server address that is none is refused", () => {
  assert.throws(() => domainOfServerAddress("http://["), { category: "invalid_argument" });
});
