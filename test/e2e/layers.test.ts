/** Stacks of layers: how many, what they hide, and that every driver and every tool sees the same files. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { dockerArchive } from "./support/dockerArchive.ts";
import { must } from "./support/process.ts";
import { busyboxRootfs, directory, file, makeTar, symlink } from "./support/rootfs.ts";
import type { Member } from "./support/rootfs.ts";

const RUN = ["run", "--rm", "--network", "none"];
const MAX_LAYERS = 500;

/** Layers that each add a file and overwrite one; every tenth hides what the one before it added. */
function manyLayers(base: Uint8Array, count: number): readonly Uint8Array[] {
  const upper = Array.from({ length: count - 1 }, (_, index) =>
    makeTar([
      file(`many/${index}`, String(index)),
      file("last", String(index)),
      ...(index % 10 === 9 ? [file(`many/.wh.${index - 1}`, "")] : []),
    ]),
  );
  return [base, ...upper];
}

/** What a stack may do to the layers below: whiteouts, opaque and implied directories, replaced kinds, root attributes. */
function stackedLayers(base: Uint8Array): readonly Uint8Array[] {
  const layers: readonly (readonly Member[])[] = [
    [
      directory("kept", 0o2750),
      file("kept/low", "low"),
      directory("opaque"),
      file("opaque/hidden", "hidden"),
      directory("opaque/sub"),
      file("opaque/sub/hidden", "hidden"),
      directory("gone"),
      file("gone/file", "x"),
      file("was-file", "x"),
      directory("was-directory"),
      file("was-directory/x", "x"),
      file("linked", "shared by a link"),
      symlink("way", "kept"),
    ],
    [
      // No entry names `kept` here: its mode is the lower layer's.
      file("kept/high", "high"),
      directory("opaque", 0o700),
      file("opaque/.wh..wh..opq", ""),
      file("opaque/shown", "shown"),
      file(".wh.gone", ""),
      directory("was-file"),
      file("was-file/x", "now a directory"),
      file("was-directory", "now a file"),
      file(".wh.never-was", ""),
      { path: "link", type: "hardlink", mode: 0o644, linkPath: "linked" },
    ],
    [directory("./", 0o711), directory("gone"), file("gone/again", "again"), file("kept/.wh.low", "")],
  ];
  return [base, ...layers.map(makeTar)];
}

const LOOK = `stat -c '%a %n' / /kept /opaque /gone /was-file /was-directory
ls -A /kept /opaque /gone /was-file
cat /was-directory /link /was-file/x /gone/again /way/high
stat -c %h /linked /link`;
const SEEN = `711 /
2750 /kept
700 /opaque
755 /gone
755 /was-file
644 /was-directory
/gone:
again

/kept:
high

/opaque:
shown

/was-file:
x
now a fileshared by a linknow a directoryagainhigh`;

describe("stacks of layers", () => {
  let daemon: TestDaemon;
  let unpacked: TestDaemon;
  let folder: string;
  let base: Buffer;

  before(async () => {
    [daemon, unpacked] = await Promise.all([startDaemon(), startDaemon({ flags: ["--storage-driver", "overlay2"] })]);
    folder = await mkdtemp(join(tmpdir(), "varve-layers-"));
    base = await busyboxRootfs();
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await unpacked[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  for (const name of ["erofs", "overlay2"] as const) {
    const of = (): TestDaemon => (name === "erofs" ? daemon : unpacked);

    test(`${name}: 150 layers load, run, save, and go`, async () => {
      await of().mustDocker(["load"], { input: dockerArchive("many:150", manyLayers(base, 150)) });
      const said = await of().mustDocker([...RUN, "many:150", "sh", "-c", "cat /last; ls /many | wc -l; touch /new"]);
      assert.match(said, /^148\s*135\s*$/);
      assert.equal((await of().mustDocker(["history", "-q", "many:150"])).trim().split("\n").length, 150);
      const saved = join(folder, `${name}.tar`);
      await of().mustDocker(["save", "-o", saved, "many:150"]);
      await of().mustDocker(["rmi", "many:150"]);
      assert.equal(await of().mustDocker(["load", "-i", saved]), "Loaded image: many:150\n");
    });

    test(`${name}: whiteouts, opaque and implied directories, root attributes through a stack`, async () => {
      await of().mustDocker(["load"], { input: dockerArchive("stacked:1", stackedLayers(base)) });
      const said = await of().mustDocker([...RUN, "stacked:1", "sh", "-c", LOOK]);
      assert.equal(said.replace(/\d\n\d\n$/, ""), SEEN);
    });
  }

  test("more than 500 layers are refused with one line that says so, fewer are not", async () => {
    const layers = manyLayers(base, MAX_LAYERS + 1);
    await daemon.mustDocker(["load", "-q"], { input: dockerArchive("most:1", layers.slice(0, -1)) });
    assert.equal(await daemon.mustDocker([...RUN, "most:1", "cat", "/last"]), String(MAX_LAYERS - 2));
    const loaded = await daemon.docker(["load", "-q"], { input: dockerArchive("toomany:1", layers) });
    const ran = loaded.code === 0 ? await daemon.docker([...RUN, "--pull", "never", "toomany:1", "true"]) : loaded;
    assert.notEqual(ran.code, 0);
    assert.match(ran.stderr, /501 layers.*500|500.*layers/);
    assert.equal(await daemon.mustDocker([...RUN, "most:1", "echo", "on"]), "on\n");
  });

  test("exchange: drivers and tools hand an image on and it stays the same", async () => {
    const id = (await daemon.mustDocker(["images", "-q", "--no-trunc", "stacked:1"])).trim();
    const first = join(folder, "first.tar");
    await daemon.mustDocker(["save", "-o", first, "stacked:1"]);
    const byTool = join(folder, "skopeo.tar");
    await must("skopeo", ["copy", "-q", `docker-archive:${first}:stacked:1`, `docker-archive:${byTool}:passed:1`]);
    await unpacked.mustDocker(["load", "-i", byTool]);
    assert.equal((await unpacked.mustDocker(["images", "-q", "--no-trunc", "passed:1"])).trim(), id);
    const layout = join(folder, "layout");
    await must("skopeo", ["copy", "-q", `docker-archive:${first}:stacked:1`, `oci:${layout}:stacked`]);
    await must("umoci", ["unpack", "--image", `${layout}:stacked`, join(folder, "bundle")]);
    assert.equal(await readFile(join(folder, "bundle/rootfs/kept/high"), "utf8"), "high");
    const second = join(folder, "second.tar");
    await unpacked.mustDocker(["tag", "passed:1", "stacked:1"]);
    await unpacked.mustDocker(["save", "-o", second, "stacked:1"]);
    assert.equal((await readFile(first)).equals(await readFile(second)), true);
  });
});
