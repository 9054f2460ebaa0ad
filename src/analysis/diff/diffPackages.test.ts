import assert from "node:assert/strict";
import { test } from "node:test";
import { diffPackages } from "#analysis";
import type { Package, PackageManager } from "#analysis";
import { compareVersions } from "./versions.ts";

const pkg = (manager: PackageManager, name: string, version: string, arch?: string): Package => ({
  manager,
  name,
  version,
  arch,
  location: "x",
});

const told = (before: readonly Package[], after: readonly Package[]): readonly string[] =>
  diffPackages(before, after).map(({ kind, manager, name, before: left, after: right }) =>
    [kind, manager, name, left?.version ?? "-", right?.version ?? "-"].join(" "),
  );

test("packages: added, removed, upgraded, downgraded, by manager and name", () => {
  const before = [
    pkg("dpkg", "a", "1.0-1"),
    pkg("dpkg", "gone", "1"),
    pkg("npm", "a", "2.0.0"),
    pkg("pip", "same", "1"),
  ];
  const after = [
    pkg("pip", "same", "1"),
    pkg("dpkg", "a", "1.0-2"),
    pkg("npm", "a", "2.0.0-rc.1"),
    pkg("apk", "new", "3-r0"),
  ];
  assert.deepEqual(told(before, after), [
    "added apk new - 3-r0",
    "upgraded dpkg a 1.0-1 1.0-2",
    "removed dpkg gone 1 -",
    "downgraded npm a 2.0.0 2.0.0-rc.1",
  ]);
});

test("packages: several versions of a name are paired, equal ones first", () => {
  const before = [pkg("npm", "x", "1.0.0"), pkg("npm", "x", "2.0.0")];
  assert.deepEqual(told(before, [pkg("npm", "x", "2.0.0"), pkg("npm", "x", "1.1.0")]), ["upgraded npm x 1.0.0 1.1.0"]);
  assert.deepEqual(told(before, [pkg("npm", "x", "2.0.0")]), ["removed npm x 1.0.0 -"]);
  assert.deepEqual(told(before, before), []);
});

test("packages: architectures are paired, and another one alone is no difference", () => {
  const before = [pkg("dpkg", "libc6", "1", "amd64"), pkg("dpkg", "libc6", "1", "i386")];
  assert.deepEqual(told(before, [pkg("dpkg", "libc6", "2", "i386"), pkg("dpkg", "libc6", "2", "amd64")]), [
    "upgraded dpkg libc6 1 2",
    "upgraded dpkg libc6 1 2",
  ]);
  assert.deepEqual(told([pkg("dpkg", "a", "1", "amd64")], [pkg("dpkg", "a", "1", "arm64")]), []);
  assert.deepEqual(told([pkg("dpkg", "a", "1", "amd64")], [pkg("dpkg", "a", "2", "arm64")]), ["upgraded dpkg a 1 2"]);
});

test("versions: in order, by each manager's rules", () => {
  const ordered: readonly (readonly [PackageManager, readonly string[]])[] = [
    ["dpkg", ["1.0~rc1", "1.0", "1.0-1", "1.0-1+b1", "1.0a", "1.0+dfsg", "1.9", "1.10", "1:0.1"]],
    ["dpkg", ["2.36-9+deb12u4", "2.36-9+deb12u10"]],
    ["apk", ["1.2_rc1", "1.2", "1.2-r1", "1.2-r10", "1.10"]],
    ["rpm", ["5.2.15-5.fc39", "5.2.26-1.fc39", "1:5.0-1"]],
    ["npm", ["1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0", "1.0.1", "1.10.0"]],
    ["pip", ["1.0.dev1", "1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0.1", "1.0.post1"]],
  ];
  for (const [manager, versions] of ordered) {
    for (const [index, version] of versions.entries()) {
      const next = versions[index + 1];
      assert.equal(compareVersions(manager, version, version), 0);
      if (next === undefined) continue;
      assert.ok(compareVersions(manager, version, next) < 0, `${manager}: ${version} < ${next}`);
      assert.ok(compareVersions(manager, next, version) > 0, `${manager}: ${next} > ${version}`);
    }
  }
  assert.equal(compareVersions("dpkg", "1.01", "1.1"), 0);
  assert.equal(compareVersions("npm", "1.0.0+build1", "1.0.0+build2"), 0);
});
