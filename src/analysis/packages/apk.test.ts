import assert from "node:assert/strict";
import { test } from "node:test";
import { ownersShown, packagesIn, shown } from "./packages.testkit.test.ts";

const INSTALLED = `C:Q1hash=
P:alpine-baselayout-data
V:3.4.3-r2
A:x86_64
S:11664
F:etc
R:fstab
Z:Q1x=
R:group
M:0:42:640
F:var/empty

C:Q1other=
P:busybox
V:1.36.1-r15
A:x86_64
F:
R:linuxrc
F:bin
R:busybox
a:0:0:755
`;

test("apk: packages and their files", async () => {
  const set = await packagesIn({ "lib/apk/db/installed": INSTALLED });
  assert.deepEqual(shown(set.packages), [
    "apk alpine-baselayout-data 3.4.3-r2 x86_64 lib/apk/db/installed",
    "apk busybox 1.36.1-r15 x86_64 lib/apk/db/installed",
  ]);
  assert.equal(ownersShown(set, "etc/group"), "apk:alpine-baselayout-data");
  assert.equal(ownersShown(set, "bin/busybox"), "apk:busybox");
  assert.equal(ownersShown(set, "linuxrc"), "apk:busybox");
  assert.equal(ownersShown(set, "etc"), "");
});

test("apk: the database of releases whose /lib is part of /usr", async () => {
  const set = await packagesIn({ "usr/lib/apk/db/installed": INSTALLED });
  assert.equal(set.packages.length, 2);
});

test("apk: what is no stanza is no package", async () => {
  for (const text of ["", "P:x\n", "V:1\n", "\n\n\n", "x", "P\nV\n", "R:../../etc/passwd\nP:a\nV:1\n"]) {
    const set = await packagesIn({ "lib/apk/db/installed": text });
    assert.ok(set.packages.length <= 1);
    assert.equal(ownersShown(set, "etc/passwd"), "");
  }
});
