import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { readPackages } from "#analysis";
import { file, symlink, whiteout } from "../analysis.testkit.test.ts";
import { imageWith, ownersShown, packagesIn, shown } from "./packages.testkit.test.ts";
import { joinPath, parseRecord } from "./pip.ts";

const manifest = (name: string, version: string): string => JSON.stringify({ name, version });

test("npm: packages, scoped and nested, own what is below them", async () => {
  const app = "usr/src/app/node_modules";
  const set = await packagesIn({
    "usr/src/app/package.json": manifest("app", "1.0.0"),
    [`${app}/left-pad/package.json`]: manifest("left-pad", "1.3.0"),
    [`${app}/left-pad/lib/index.js`]: "",
    [`${app}/left-pad/lib/package.json`]: '{"type":"module"}',
    [`${app}/left-pad/node_modules/deep/package.json`]: manifest("deep", "2.0.0"),
    [`${app}/left-pad/node_modules/deep/x.js`]: "",
    [`${app}/@babel/core/package.json`]: manifest("@babel/core", "7.1.0"),
    [`${app}/.bin/package.json`]: manifest("no", "1"),
    [`${app}/.package-lock.json`]: "{}",
  });
  assert.deepEqual(shown(set.packages), [
    `npm @babel/core 7.1.0 - ${app}/@babel/core`,
    `npm deep 2.0.0 - ${app}/left-pad/node_modules/deep`,
    `npm left-pad 1.3.0 - ${app}/left-pad`,
  ]);
  assert.equal(ownersShown(set, `${app}/left-pad/lib/index.js`), "npm:left-pad");
  assert.equal(ownersShown(set, `${app}/left-pad/node_modules/deep/x.js`), "npm:deep");
  assert.equal(ownersShown(set, "usr/src/app/package.json"), "");
});

test("npm: broken manifests are no packages", async () => {
  const set = await packagesIn({
    "node_modules/a/package.json": "{",
    "node_modules/b/package.json": "null",
    "node_modules/c/package.json": '{"name":1,"version":"1"}',
    "node_modules/d/package.json": '{"name":"d"}',
    "node_modules/e/package.json": "[]",
    "node_modules/f/package.json": manifest("f", "1"),
  });
  assert.deepEqual(shown(set.packages), ["npm f 1 - node_modules/f"]);
});

const SITE = "usr/lib/python3/dist-packages";

test("pip: wheels and eggs, with the files that they record", async () => {
  const set = await packagesIn({
    [`${SITE}/requests-2.31.0.dist-info/METADATA`]:
      "Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\n\nVersion: 9\n",
    [`${SITE}/requests-2.31.0.dist-info/RECORD`]:
      'requests/api.py,sha256=x,1\n"requests/a,b.py",,\n../../../bin/req,,\r\nrequests-2.31.0.dist-info/RECORD,,\n../../../../../etc/passwd,,\n',
    [`${SITE}/old-1.egg-info/PKG-INFO`]: "Name: old\nVersion: 1\n",
    [`${SITE}/old-1.egg-info/installed-files.txt`]: "../old/x.py\nPKG-INFO\n",
    [`${SITE}/flat-2.egg-info`]: "Name: flat\nVersion: 2\n",
    [`${SITE}/empty-3.dist-info/RECORD`]: "",
    [`${SITE}/nameless-1.dist-info/METADATA`]: "Version: 1\n",
  });
  assert.deepEqual(shown(set.packages), [
    `pip flat 2 - ${SITE}/flat-2.egg-info`,
    `pip old 1 - ${SITE}/old-1.egg-info`,
    `pip requests 2.31.0 - ${SITE}/requests-2.31.0.dist-info`,
  ]);
  assert.equal(ownersShown(set, `${SITE}/requests/api.py`), "pip:requests");
  assert.equal(ownersShown(set, `${SITE}/requests/a,b.py`), "pip:requests");
  assert.equal(ownersShown(set, "usr/bin/req"), "pip:requests");
  assert.equal(ownersShown(set, `${SITE}/requests-2.31.0.dist-info/METADATA`), "pip:requests");
  assert.equal(ownersShown(set, `${SITE}/old/x.py`), "pip:old");
  assert.equal(ownersShown(set, `${SITE}/old-1.egg-info/PKG-INFO`), "pip:old");
  assert.equal(ownersShown(set, "etc/passwd"), "");
});

test("pip: records and relative paths", () => {
  assert.deepEqual(parseRecord('a,b,c\n"x""y,z",,\n\n,\n'), ["a", 'x"y,z']);
  assert.equal(joinPath("a/b", "../c/./d"), "a/c/d");
  assert.equal(joinPath("a/b", "/etc/x"), "etc/x");
  assert.equal(joinPath("", "x"), "x");
  assert.equal(joinPath("a", "../../x"), "");
});

test("packages: a file that two managers claim has two owners", async () => {
  const set = await packagesIn({
    "var/lib/dpkg/status": "Package: python3-six\nStatus: install ok installed\nVersion: 1\n",
    "var/lib/dpkg/info/python3-six.list": `/${SITE}/six.py\n`,
    [`${SITE}/six-1.dist-info/METADATA`]: "Name: six\nVersion: 1\n",
    [`${SITE}/six-1.dist-info/RECORD`]: "six.py,,\n",
  });
  assert.equal(ownersShown(set, `${SITE}/six.py`), "dpkg:python3-six pip:six");
});

test("packages: without files nothing but the databases is read", async () => {
  const texts = {
    "var/lib/dpkg/status": "Package: a\nVersion: 1\n",
    "var/lib/dpkg/info/a.list": "/x\n",
  };
  const set = await readPackages(imageWith(texts));
  assert.equal(set.packages.length, 1);
  assert.deepEqual(set.ownersOf("x"), []);
});

test("packages: databases behind symlinks are read, loops and giants are not", async () => {
  const status = "Package: a\nVersion: 1\n";
  const linked = await packagesIn({ "srv/status": status }, [symlink("var/lib/dpkg/status", "/srv/status")]);
  assert.equal(linked.packages.length, 1);
  const loop = await packagesIn({}, [symlink("var/lib/dpkg/status", "status"), symlink("lib", "lib")]);
  assert.deepEqual(loop.packages, []);
  const giant = await packagesIn({}, [file("var/lib/dpkg/status", 2 ** 40)]);
  assert.deepEqual(giant.notes, ["/var/lib/dpkg/status is not read: it has 1099511627776 bytes"]);
  const gone = await packagesIn({}, [whiteout("var/lib/dpkg/status")]);
  assert.deepEqual(gone.packages, []);
});

test("packages: an aborted read ends", async () => {
  await assert.rejects(
    readPackages(imageWith({ "var/lib/dpkg/status": "Package: a\nVersion: 1\n" }), { signal: AbortSignal.abort() }),
    /abort/i,
  );
});

test("packages: databases of any bytes are survived", async () => {
  const text = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc
      .array(fc.constantFrom("Package: a", "Version: 1", "P:a", "V:1", "F:..", "R:x", "Name: n", "", ",,", '"'), {
        maxLength: 12,
      })
      .map((lines) => lines.join("\n")),
  );
  await fc.assert(
    fc.asyncProperty(text, async (content) => {
      const bytes = Buffer.from(content);
      const set = await packagesIn({
        "var/lib/dpkg/status": bytes,
        "var/lib/dpkg/status.d/a": bytes,
        "var/lib/dpkg/info/a.list": bytes,
        "lib/apk/db/installed": bytes,
        "var/lib/rpm/rpmdb.sqlite": bytes,
        "node_modules/a/package.json": bytes,
        "site/a.dist-info/METADATA": bytes,
        "site/a.dist-info/RECORD": bytes,
      });
      for (const { name, version } of set.packages) assert.ok(name.length > 0 && version.length >= 0);
      assert.deepEqual(set.ownersOf("etc/passwd"), []);
    }),
    { numRuns: 200 },
  );
});

test("packages: what a deeper package claims is not the outer one's", async () => {
  const set = await packagesIn({
    "app/node_modules/a/package.json": manifest("a", "1"),
    "app/node_modules/a/node_modules/b/package.json": manifest("b", "2"),
    "app/node_modules/a/node_modules/other.js": "",
  });
  assert.equal(ownersShown(set, "app/node_modules/a/node_modules/b/package.json"), "npm:b");
  assert.equal(ownersShown(set, "app/node_modules/a/node_modules/other.js"), "npm:a");
  assert.equal(ownersShown(set, "app/node_modules/a"), "npm:a");
  assert.equal(ownersShown(set, "app"), "");
});

test("pip: an editable or half-written package has what it has", async () => {
  const set = await packagesIn({
    "site/e-1.dist-info/METADATA": "Name: e\r\nVersion: 1\r\n\r\nName: no\r\n",
    "site/f-1.egg-info/PKG-INFO": "Name: f\nVersion: 1",
    "site/g.dist-info": "Name: g\nVersion: 1\n",
  });
  assert.deepEqual(shown(set.packages), ["pip e 1 - site/e-1.dist-info", "pip f 1 - site/f-1.egg-info"]);
  assert.equal(ownersShown(set, "site/e.py"), "");
});
