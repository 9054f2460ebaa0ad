import assert from "node:assert/strict";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { buildImageTree } from "#analysis";
import type { LayerEntry } from "#analysis";
import { isAlreadyExists } from "#errors";
import { directory, exampleFacts, file } from "./dive.testkit.test.ts";
import { extract } from "./extract.ts";
import type { Extracted, Extraction } from "./extract.ts";

/** Each file holds its layer and path. */
const image: Extraction["image"] = {
  async *readFile(layer, path) {
    yield Buffer.from(`${layer} `);
    yield Buffer.from(path, "latin1");
  },
};

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "varve-extract-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

interface Wish {
  readonly path: string;
  readonly destination: string;
  readonly mayOverwrite?: boolean;
  readonly tree?: Extraction["tree"];
  readonly layer?: number;
}

function take({
  path,
  destination,
  mayOverwrite = false,
  tree = exampleFacts().tree,
  layer = 2,
}: Wish): Promise<Extracted> {
  const view = tree.view(1, layer);
  const node = tree.find(path) ?? 0;
  const { signal } = new AbortController();
  return extract({ image, tree, view, node, destination, mayOverwrite, signal });
}

test("extract: a file comes from the layer that has it, with its permissions and without setuid", async (t) => {
  const at = await folder(t);
  const done = await take({ path: "usr/bin/su", destination: join(at, "su"), layer: 1 });
  assert.deepEqual(done, { path: join(at, "su"), files: 1, bytes: 12, leftOut: 0 });
  assert.equal(await readFile(join(at, "su"), "utf8"), "0 usr/bin/su");
  assert.equal((await lstat(join(at, "su"))).mode & 0o7777, 0o755);
  await take({ path: "etc/passwd", destination: `${at}/` });
  assert.equal(await readFile(join(at, "passwd"), "utf8"), "1 etc/passwd");
});

test("extract: a directory with all in it, what was removed left out, links made as they are", async (t) => {
  const at = await folder(t);
  const entries: readonly LayerEntry[] = [
    directory("d"),
    file("d/device", 0, { type: "char", device: { major: 1, minor: 3 } }),
    file("d/evil", 0, { type: "symlink", target: "/etc" }),
    file("d/evil2", 0, { type: "symlink", target: "sub" }),
    file("d/gone", 3),
    directory("d/sub", { mode: 0o500 }),
    file("d/sub/f", 3),
  ];
  const tree = buildImageTree([entries, [directory("d"), file("d/gone", 0, { type: "char", whiteout: true })]]);
  const done = await take({ path: "d", destination: join(at, "out"), tree, layer: 1 });
  assert.deepEqual([done.files, done.leftOut], [1, 1]);
  assert.deepEqual((await readdir(join(at, "out"))).toSorted(), ["evil", "evil2", "sub"]);
  assert.equal(await readlink(join(at, "out/evil")), "/etc");
  assert.equal(await readFile(join(at, "out/sub/f"), "utf8"), "0 d/sub/f");
});

test("extract: what is there stays, unless it is a file and may be overwritten", async (t) => {
  const at = await folder(t);
  const destination = join(at, "hosts");
  await writeFile(destination, "mine");
  await assert.rejects(take({ path: "etc/hosts", destination }), isAlreadyExists);
  assert.equal(await readFile(destination, "utf8"), "mine");
  await take({ path: "etc/hosts", destination, mayOverwrite: true });
  assert.equal(await readFile(destination, "utf8"), "0 etc/hosts");
  await mkdir(join(at, "etc"));
  await assert.rejects(take({ path: "etc", destination: at, mayOverwrite: true }), isAlreadyExists);
  assert.deepEqual(await readdir(join(at, "etc")), []);
});

test("extract: nothing is written through a link that is there", async (t) => {
  const at = await folder(t);
  await writeFile(join(at, "victim"), "mine");
  await symlink("victim", join(at, "hosts"));
  await assert.rejects(take({ path: "etc/hosts", destination: join(at, "hosts"), mayOverwrite: true }));
  await symlink("nowhere", join(at, "dangling"));
  await assert.rejects(take({ path: "etc/hosts", destination: join(at, "dangling"), mayOverwrite: true }));
  assert.equal(await readFile(join(at, "victim"), "utf8"), "mine");
});

test("extract: a file that cannot be read leaves nothing behind", async (t) => {
  const at = await folder(t);
  const broken: Extraction["image"] = {
    async *readFile() {
      yield Buffer.from("some");
      throw new Error("the rest is gone");
    },
  };
  const { tree } = exampleFacts();
  const { signal } = new AbortController();
  const job = { image: broken, tree, view: tree.view(1, 0), node: tree.find("etc/hosts") ?? 0, signal };
  const destination = join(at, "hosts");
  await assert.rejects(extract({ ...job, destination, mayOverwrite: false }), /the rest is gone/);
  assert.deepEqual(await readdir(at), []);
  await writeFile(destination, "mine");
  await assert.rejects(extract({ ...job, destination, mayOverwrite: true }), /the rest is gone/);
  assert.equal(await readFile(destination, "utf8"), "mine");
  await assert.rejects(
    extract({ ...job, destination: join(at, "no/such"), mayOverwrite: false }),
    /no such file or directory/,
  );
});
