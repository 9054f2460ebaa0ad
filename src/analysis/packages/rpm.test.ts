import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { symlink } from "../analysis.testkit.test.ts";
import { ownersShown, packagesIn, rpmDatabase, rpmHeader, RPM_TABLE, shown } from "./packages.testkit.test.ts";
import { parseRpmHeader } from "./rpmHeader.ts";

const BASH = rpmHeader({
  1000: "bash",
  1001: "5.2.15",
  1002: "5.fc39",
  1003: [2],
  1022: "x86_64",
  1116: [0, 1, 1],
  1117: ["bash", "NEWS", "caf\xc3\xa9"],
  1118: ["/bin/", "/usr/share/doc/bash/"],
});

const KEY = rpmHeader({ 1000: "gpg-pubkey", 1001: "18b8e74c", 1002: "62f2920f", 1003: [0] });

test("rpm: headers give names, versions with epoch, and files", () => {
  assert.deepEqual(parseRpmHeader(BASH, true), {
    name: "bash",
    version: "2:5.2.15-5.fc39",
    arch: "x86_64",
    files: ["/bin/bash", "/usr/share/doc/bash/NEWS", "/usr/share/doc/bash/caf\xc3\xa9"],
  });
  assert.deepEqual(parseRpmHeader(BASH, false)?.files, []);
  assert.equal(parseRpmHeader(KEY, true)?.version, "18b8e74c-62f2920f");
  assert.deepEqual(parseRpmHeader(rpmHeader({ 1000: "old", 1001: "1", 1027: ["/etc/old"] }), true)?.files, [
    "/etc/old",
  ]);
});

test("rpm: the database in each of its places", async () => {
  for (const folder of ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"]) {
    const set = await packagesIn({ [`${folder}/rpmdb.sqlite`]: rpmDatabase([BASH, KEY]), "usr/bin/bash": "x" }, [
      symlink("bin", "usr/bin"),
    ]);
    assert.deepEqual(shown(set.packages), [
      `rpm bash 2:5.2.15-5.fc39 x86_64 ${folder}/rpmdb.sqlite`,
      `rpm gpg-pubkey 18b8e74c-62f2920f - ${folder}/rpmdb.sqlite`,
    ]);
    assert.equal(ownersShown(set, "usr/bin/bash"), "rpm:bash");
    assert.deepEqual(set.notes, []);
  }
});

test("rpm: a database that was left in WAL mode is read, its log is not", async () => {
  const bytes = rpmDatabase([BASH]);
  bytes[18] = 2;
  bytes[19] = 2;
  const set = await packagesIn({ "var/lib/rpm/rpmdb.sqlite": bytes, "var/lib/rpm/rpmdb.sqlite-wal": "x" });
  assert.equal(set.packages.length, 1);
  assert.deepEqual(set.notes, ["/var/lib/rpm/rpmdb.sqlite has a write-ahead log, which is not read"]);
});

test("rpm: databases of other kinds are told of", async () => {
  const set = await packagesIn({ "var/lib/rpm/Packages": "x", "usr/lib/sysimage/rpm/Packages.db": "x" });
  assert.deepEqual(shown(set.packages), []);
  assert.deepEqual(set.notes, [
    "/var/lib/rpm/Packages is not read: RPM databases of the kind Berkeley DB are not supported",
    "/usr/lib/sysimage/rpm/Packages.db is not read: RPM databases of the kind ndb are not supported",
  ]);
});

test("rpm: a file that is no such database is noted", async () => {
  const whole = rpmDatabase([BASH]);
  const views = rpmDatabase([], RPM_TABLE.replace("Packages", "Other"));
  for (const bytes of [Buffer.from("no database at all"), Buffer.alloc(0), whole.subarray(0, 3000), views]) {
    const set = await packagesIn({ "var/lib/rpm/rpmdb.sqlite": bytes });
    assert.deepEqual(shown(set.packages), []);
    assert.equal(set.notes.length, 1);
    assert.match(set.notes[0] ?? "", /^\/var\/lib\/rpm\/rpmdb\.sqlite is not read: /);
  }
});

test("rpm: a table that computes is not read", async () => {
  const generated = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, x, blob BLOB AS (zeroblob(1000000000)))";
  const view =
    "CREATE TABLE t (blob BLOB); CREATE VIEW Packages AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT n AS blob FROM r";
  for (const table of [generated, view]) {
    const set = await packagesIn({ "var/lib/rpm/rpmdb.sqlite": rpmDatabase([], table) });
    assert.deepEqual(set.notes, ["/var/lib/rpm/rpmdb.sqlite is not read: it has no table Packages as rpm makes it"]);
  }
});

test("rpm: any damage of a header is survived", () => {
  fc.assert(
    fc.property(fc.nat(BASH.length - 1), fc.nat(255), fc.nat(BASH.length), (at, value, length) => {
      const damaged = Buffer.from(BASH.subarray(0, length));
      if (at < length) damaged[at] = value;
      const parsed = parseRpmHeader(damaged, true);
      assert.ok(parsed === undefined || parsed.files.length <= 3 || parsed.name !== "bash");
    }),
    { numRuns: 2000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseRpmHeader(Buffer.from(bytes), true)));
});

test("rpm: counts that lie make no work", () => {
  const header = Buffer.from(BASH);
  header.writeUInt32BE(0xffffffff, 0);
  assert.equal(parseRpmHeader(header, true), undefined);
  const counted = Buffer.from(BASH);
  for (let at = 8; at < 8 + 16 * 8; at += 16) counted.writeUInt32BE(0xffffffff, at + 12);
  assert.ok((parseRpmHeader(counted, true)?.files.length ?? 0) < 20);
});
