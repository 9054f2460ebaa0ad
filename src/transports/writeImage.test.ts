import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, link, mkdir, readFile, readdir, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { imageFromDirectory, openImage, writeImage } from "#transports";
import type { BuiltImage, ImageFromDirectoryOptions } from "#transports";
import { collect, newFolder, noise, startRegistry } from "./transports.testkit.test.ts";

const folder = await newFolder();
after(() => folder[Symbol.asyncDispose]());

/** The same tree in another place, made in another order. */
async function makeTree(name: string, order: readonly string[]): Promise<string> {
  const root = join(folder.path, name);
  await mkdir(join(root, "sub/empty"), { recursive: true });
  for (const file of order) await writeFile(join(root, file), file === "sub/big" ? noise(300_000) : file);
  await link(join(root, "a"), join(root, "sub/again"));
  await symlink("../a", join(root, "sub/link"));
  await writeFile(Buffer.concat([Buffer.from(`${root}/`), Buffer.from("ff", "hex")]), "odd name");
  await chmod(join(root, "b"), 0o4711);
  await utimes(join(root, "b"), 5, name.length);
  return root;
}

const first = await makeTree("first", ["a", "b", "sub/big"]);
const second = await makeTree("second!", ["sub/big", "b", "a"]);
const OPTIONS: ImageFromDirectoryOptions = { config: { Cmd: ["/a"], Env: ["A=1"] }, platform: "linux/arm64" };

test("imageFromDirectory: the same content gives the same image, wherever it lies and whenever it was made", async () => {
  await using one = await imageFromDirectory(first, OPTIONS);
  await using other = await imageFromDirectory(second, OPTIONS);
  assert.equal(one.imageId, other.imageId);
  assert.equal(one.manifestDigest, other.manifestDigest);
  await using kept = await imageFromDirectory(first, { ...OPTIONS, mtimeSeconds: "keep" });
  assert.notEqual(kept.imageId, one.imageId);
});

async function check(source: string, image: BuiltImage): Promise<void> {
  await using opened = await openImage(source);
  assert.equal(opened.imageId, image.imageId);
  assert.equal(opened.config.architecture, "arm64");
  assert.deepEqual(opened.config.config, { Cmd: ["/a"], Env: ["A=1"] });
  const entries = await opened.readLayer(0);
  assert.deepEqual(
    entries.map(({ path, type, mode, target }) =>
      [path, type, mode.toString(8), target].filter((x) => x !== undefined).join(" "),
    ),
    [
      "a file 644",
      "b file 4711",
      "sub directory 755",
      "sub/again file 644 a",
      "sub/big file 644",
      "sub/empty directory 755",
      "sub/link symlink 777 ../a",
      "\xff file 644",
    ],
  );
  assert.ok(entries.every(({ uid, gid, mtimeSeconds }) => uid === 0 && gid === 0 && mtimeSeconds === 0));
  assert.ok((await collect(opened.readFile(0, "sub/big"))).equals(noise(300_000)));
}

for (const compression of ["none", "gzip", "zstd"] as const) {
  test(`writeImage: archives and layouts, layer of ${compression}`, async () => {
    await using image = await imageFromDirectory(first, { ...OPTIONS, compression });
    const at = (name: string): string => join(folder.path, `${compression}-${name}`);
    for (const target of [
      `docker-archive:${at("d.tar")}:made:1`,
      `oci-archive:${at("o.tar")}:v1`,
      `oci-layout:${at("dir")}:v1`,
    ]) {
      const written = await writeImage(image, target);
      assert.equal(written.manifestDigest, image.manifestDigest);
      await check(target, image);
      await check(target.replace(/:(made:1|v1)$/, ""), image);
    }
    await check(`oci-archive:${at("d.tar")}`, image);
  });
}

test("writeImage: a layout takes another image beside the first, and moves a name", async () => {
  const layout = join(folder.path, "several");
  await using one = await imageFromDirectory(first, OPTIONS);
  await using two = await imageFromDirectory(first, { ...OPTIONS, author: "someone" });
  await writeImage(one, `oci-layout:${layout}:one`);
  const again = await writeImage(two, `oci-layout:${layout}:two`);
  assert.deepEqual([again.blobsSkipped, again.blobsWritten], [1, 2]);
  await check(`oci-layout:${layout}:one`, one);
  await check(`oci-layout:${layout}:two`, two);
  await writeImage(two, `oci-layout:${layout}:one`);
  await check(`oci-layout:${layout}:one`, two);
  assert.deepEqual((await readdir(layout)).sort(), ["blobs", "index.json", "oci-layout"]);
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as { manifests: unknown[] };
  assert.equal(index.manifests.length, 2);
});

test("writeImage: pushed to a registry, blobs that are there once only", async () => {
  await using registry = await startRegistry({ files: new Map(), manifest: "" });
  await using image = await imageFromDirectory(first, OPTIONS);
  const written = await writeImage(image, `registry:${registry.host}/made:1`);
  assert.deepEqual(written, { manifestDigest: image.manifestDigest, blobsWritten: 2, blobsSkipped: 0 });
  await check(`registry:${registry.host}/made:1`, image);
  await check(`registry:${registry.host}/made@${image.manifestDigest}`, image);
  const again = await writeImage(image, `registry:${registry.host}/made:2`);
  assert.deepEqual([again.blobsWritten, again.blobsSkipped], [0, 2]);
});

test("imageFromDirectory: prefix and filter", async () => {
  await using image = await imageFromDirectory(first, {
    prefix: "/opt/app/",
    filter: (path) => path !== "sub" && !path.startsWith("b"),
    owner: { uid: 7, gid: 8 },
  });
  const target = `oci-archive:${join(folder.path, "prefixed.tar")}`;
  await writeImage(image, target);
  await using opened = await openImage(target);
  const entries = await opened.readLayer(0);
  assert.deepEqual(
    entries.map(({ path, uid }) => `${path} ${uid}`),
    ["opt 0", "opt/app 7", "opt/app/a 7", "opt/app/\xff 7"],
  );
  assert.ok(entries.every(({ implied }) => implied === undefined));
});

test("imageFromDirectory: what is no directory, or holds a socket, is refused", async () => {
  await assert.rejects(imageFromDirectory(join(first, "a")), /a: not a directory/);
  await assert.rejects(imageFromDirectory(join(folder.path, "nothing")), /ENOENT|not a directory/);
  const root = join(folder.path, "socket");
  await mkdir(root);
  const server = createServer().listen(join(root, "s.sock"));
  await assert.rejects(imageFromDirectory(root), /"s\.sock" is a socket or a device/);
  server.close();
});

test("writeImage: GNU tar lists what was written", async () => {
  await using image = await imageFromDirectory(first, { compression: "none" });
  const [layer] = image.layers;
  assert.ok(layer !== undefined);
  const listing = execFileSync("tar", ["tvf", "-"], { input: await collect(layer.open()), encoding: "latin1" });
  assert.match(listing, /hrw-r--r-- 0\/0 +0 1970-01-01 .* sub\/again link to a/);
  assert.equal(listing.trim().split("\n").length, 8);
});
