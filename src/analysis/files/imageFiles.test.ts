import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "#errors";
import { parseDiffId, parseDigest } from "#oci";
import type { ImageLayer, LayerEntry, OpenImage } from "../openImage.ts";
import { archiveFiles } from "./archiveFiles.ts";
import { fileLineOf, listFiles } from "./fileLine.ts";
import { openImageFiles } from "./imageFiles.ts";
import type { ImageFiles } from "./imageFiles.ts";
import { layersAtStep, parseImageStep } from "./imageStep.ts";

const entry = (path: string, more: Partial<LayerEntry> = {}): LayerEntry => ({
  path,
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 0,
  ...more,
});
const directory = (path: string): LayerEntry => entry(path, { type: "directory", mode: 0o755 });
const symlink = (path: string, target: string): LayerEntry => entry(path, { type: "symlink", target });
const link = (path: string, target: string): LayerEntry => entry(path, { hardLink: true, target });

/** An image whose files hold `layer:path`; history: every layer one step, an empty one behind the first. */
function imageOf(layers: readonly (readonly LayerEntry[])[]): OpenImage {
  const digest = parseDigest(`sha256:${"0".repeat(64)}`);
  const steps = layers.map((_, index) => (index === 0 ? 1 : index + 2));
  return {
    name: "test",
    imageId: digest,
    config: {
      architecture: "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: [] },
      history: Array.from({ length: layers.length + 1 }, () => ({})),
    },
    rawConfig: new Uint8Array(),
    manifestDigest: undefined,
    layers: layers.map(
      (_, index): ImageLayer => ({
        index,
        diffId: parseDiffId(digest),
        blob: undefined,
        tarBytes: undefined,
        history: undefined,
        step: steps[index] ?? 0,
      }),
    ),
    readLayer: async (index) => layers[index] ?? [],
    async *readFile(index, path) {
      yield Buffer.from(`${index}:${path}`);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

const BASE = [
  symlink("bin", "usr/bin"),
  directory("etc"),
  symlink("etc/a", "b"),
  symlink("etc/b", "a"),
  symlink("etc/out", "../../../../etc/passwd"),
  entry("etc/passwd", { size: 3 }),
  directory("old"),
  entry("old/x"),
  directory("usr"),
  directory("usr/bin"),
  entry("usr/bin/tool", { size: 9, mode: 0o4755 }),
];
const TOP = [
  directory("etc"),
  entry("etc/passwd", { size: 5 }),
  entry("old", { whiteout: true, type: "char" }),
  directory("usr"),
  directory("usr/bin"),
  link("usr/bin/same", "usr/bin/tool"),
  entry("usr/one", { size: 4 }),
  link("usr/two", "usr/one"),
];

async function read(files: ImageFiles, path: string): Promise<string> {
  let text = "";
  for await (const chunk of files.read(files.require(path))) text += Buffer.from(chunk).toString();
  return text;
}

test("ImageFiles: symlinks are followed within the root, loops are told", async () => {
  const files = await openImageFiles(imageOf([BASE, TOP]));
  const at = (path: string, follow = true): string | undefined => files.find(path, { follow })?.path;
  assert.equal(at("/bin/tool"), "usr/bin/tool");
  assert.equal(at("/bin", false), "bin");
  assert.equal(at("/bin/", false), "usr/bin");
  assert.equal(at("/bin/.", false), "usr/bin");
  assert.equal(at("/bin/../one"), "usr/one");
  assert.equal(at("etc/out"), "etc/passwd");
  assert.equal(at("../../etc/../etc/./passwd"), "etc/passwd");
  assert.equal(at("/"), "");
  assert.equal(at("/etc/passwd/x"), undefined);
  assert.equal(at("/etc/passwd/.."), undefined);
  assert.equal(at("/old"), undefined);
  assert.equal(at("/old/x"), undefined);
  assert.equal(at("/etc/a", false), "etc/a");
  assert.throws(
    () => at("/etc/a"),
    (error) => hasCode(error, "SYMLINK_LOOP"),
  );
  assert.throws(() => files.require("/no/such"), /^EngineError: \/no\/such: no such file or directory$/);
});

test("ImageFiles: bytes are those of the layer that shows them, also of hard links", async () => {
  const files = await openImageFiles(imageOf([BASE, TOP]));
  assert.equal(await read(files, "/etc/passwd"), "1:etc/passwd");
  assert.equal(await read(files, "/usr/two"), "1:usr/one");
  assert.equal(await read(files, "/bin/same"), "0:usr/bin/tool");
  assert.throws(() => files.read(files.require("/etc")), /\/etc: is a directory/);
  const same = files.require("/bin/same");
  assert.deepEqual([same.entry.size, same.entry.mode, same.layer], [9, 0o4755, 1]);
});

test("ImageFiles: an image at a step", async () => {
  const image = imageOf([BASE, TOP]);
  for (const [step, count] of [
    [undefined, 2],
    [1, 1],
    [2, 1],
    [3, 2],
  ] as const)
    assert.equal(layersAtStep(image, step), count);
  for (const step of [0, 4]) assert.throws(() => layersAtStep(image, step), /test has 3 steps: there is no step [04]/);
  const files = await openImageFiles(image, { step: 2 });
  assert.equal(await read(files, "/etc/passwd"), "0:etc/passwd");
  assert.equal(files.find("/old/x")?.path, "old/x");
  assert.equal(files.find("/usr/one"), undefined);
});

test("parseImageStep: digests are no steps", () => {
  const digest = `nginx@sha256:${"1".repeat(64)}`;
  assert.deepEqual(parseImageStep("nginx:1@3"), { image: "nginx:1", step: 3 });
  assert.deepEqual(parseImageStep(digest), { image: digest, step: undefined });
  assert.deepEqual(parseImageStep(`${digest}@12`), { image: digest, step: 12 });
  assert.deepEqual(parseImageStep("nginx@"), { image: "nginx@", step: undefined });
});

test("listFiles: a directory's content, all of it, or the file itself", async () => {
  const files = await openImageFiles(imageOf([BASE, TOP]));
  const list = (path: string, recursive = false): readonly string[] =>
    [...listFiles(files, path, { recursive })].map((file) => file.path);
  assert.deepEqual(list("/"), ["bin", "etc", "usr"]);
  assert.deepEqual(list("/bin"), ["usr/bin/same", "usr/bin/tool"]);
  assert.deepEqual(list("/usr", true), ["usr/bin", "usr/bin/same", "usr/bin/tool", "usr/one", "usr/two"]);
  assert.deepEqual(list("/etc/passwd"), ["etc/passwd"]);
  assert.deepEqual(fileLineOf(files, files.require("/usr/two")), {
    path: "/usr/two",
    type: "file",
    mode: "0644",
    uid: 0,
    gid: 0,
    size: 4,
    mtime: "1970-01-01T00:00:00Z",
    hardLinkTo: "/usr/one",
    layer: 1,
    step: 3,
  });
});

test("archiveFiles: named as docker cp names them", async () => {
  const files = await openImageFiles(imageOf([BASE, TOP]));
  const names = async (path: string): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { header } of archiveFiles(files, path).members)
      found.push(header.linkPath === undefined ? header.path : `${header.path} ${header.type} ${header.linkPath}`);
    return found;
  };
  assert.deepEqual(await names("/usr/bin"), ["bin/", "bin/same", "bin/tool hardlink bin/same"]);
  assert.deepEqual(await names("/usr/."), [
    "./",
    "./bin",
    "./bin/same",
    "./bin/tool hardlink ./bin/same",
    "./one",
    "./two hardlink ./one",
  ]);
  assert.deepEqual(await names("bin"), ["bin symlink usr/bin"]);
  assert.deepEqual(await names("bin/"), ["bin/", "bin/same", "bin/tool hardlink bin/same"]);
  assert.deepEqual((await names("/")).slice(0, 3), ["/", "/bin symlink usr/bin", "/etc"]);
});
