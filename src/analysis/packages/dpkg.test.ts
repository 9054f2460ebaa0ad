import assert from "node:assert/strict";
import { test } from "node:test";
import { symlink } from "../analysis.testkit.test.ts";
import { parseFileList, parseMd5sums } from "./dpkg.ts";
import { ownersShown, packagesIn, shown } from "./packages.testkit.test.ts";
import { parseStanza, splitStanzas, toCleanPath } from "./stanzas.ts";

const STATUS = `Package: base-files
Status: install ok installed
Architecture: amd64
Multi-Arch: foreign
Version: 12.4+deb12u5
Conffiles:
 /etc/debian_version 0123
Description: Debian base system miscellaneous files
 Package: not-a-field

Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 2.36-9+deb12u4

Package: left
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: never
Status: unknown ok not-installed

Package: half
Status: install ok half-configured
Architecture: all
Version: 3
`;

test("dpkg: installed packages, with the files of their lists", async () => {
  const set = await packagesIn({
    "var/lib/dpkg/status": STATUS,
    "var/lib/dpkg/info/base-files.list": "/.\n/etc\n/etc/debian_version\n/usr/share/caf\xc3\xa9\n",
    "var/lib/dpkg/info/libc6:amd64.list": "/.\n/lib\n/lib/x86_64-linux-gnu/libc.so.6\n",
  });
  assert.deepEqual(shown(set.packages), [
    "dpkg base-files 12.4+deb12u5 amd64 var/lib/dpkg/status",
    "dpkg libc6 2.36-9+deb12u4 amd64 var/lib/dpkg/status",
    "dpkg half 3 all var/lib/dpkg/status",
  ]);
  assert.equal(ownersShown(set, "etc/debian_version"), "dpkg:base-files");
  assert.equal(ownersShown(set, "lib/x86_64-linux-gnu/libc.so.6"), "dpkg:libc6");
  assert.equal(ownersShown(set, "etc/hostname"), "");
  assert.deepEqual(set.notes, []);
});

test("dpkg: a list that says /lib owns what is in /usr/lib when one is a link to the other", async () => {
  const set = await packagesIn(
    {
      "var/lib/dpkg/status": STATUS,
      "usr/lib/x86_64-linux-gnu/libc.so.6": "x",
      "var/lib/dpkg/info/libc6:amd64.list": "/lib/x86_64-linux-gnu/libc.so.6\n",
    },
    [symlink("lib", "usr/lib")],
  );
  assert.equal(ownersShown(set, "usr/lib/x86_64-linux-gnu/libc.so.6"), "dpkg:libc6");
  assert.equal(ownersShown(set, "lib/x86_64-linux-gnu/libc.so.6"), "dpkg:libc6");
});

test("dpkg: distroless keeps a stanza for each package, and checksums for lists", async () => {
  const set = await packagesIn({
    "var/lib/dpkg/status.d/tzdata": "Package: tzdata\nVersion: 2024a\nArchitecture: all\n",
    "var/lib/dpkg/status.d/tzdata.md5sums": `${"0".repeat(32)}  usr/share/zoneinfo/UTC\n`,
    "var/lib/dpkg/status.d/broken": "Version: 1\n",
  });
  assert.deepEqual(shown(set.packages), ["dpkg tzdata 2024a all var/lib/dpkg/status.d/tzdata"]);
  assert.equal(ownersShown(set, "usr/share/zoneinfo/UTC"), "dpkg:tzdata");
});

test("dpkg: an empty or broken status is no package", async () => {
  for (const status of ["", "\n\n\n", "garbage", ":\n:\n", "Package\nVersion\n", "Package: x\n"]) {
    assert.deepEqual(shown((await packagesIn({ "var/lib/dpkg/status": status })).packages), []);
  }
});

test("stanzas: fields of any case, the first of two, Windows line ends", () => {
  assert.deepEqual(
    [...parseStanza("PACKAGE: a\r\nVersion:1\n cont: x\n\tcont: y\nVersion: 2\n: z\n")],
    [
      ["package", "a"],
      ["version", "1"],
    ],
  );
  assert.deepEqual(splitStanzas("a\n\nb\n \nc\n\r\nd\n\n\n"), ["a", "b", "c", "d"]);
  assert.deepEqual(splitStanzas(""), []);
});

test("lists: paths are cleaned, what leads out is dropped", () => {
  assert.deepEqual(parseFileList("/.\n/a//b/\n\n/../x\n./c"), ["a/b", "c"]);
  assert.deepEqual(parseMd5sums(`${"f".repeat(32)}  a b\nnot\n${"F".repeat(32)}  x\n${"0".repeat(32)} *bin/c`), [
    "a b",
    "bin/c",
  ]);
  assert.equal(toCleanPath("/.."), "");
});
