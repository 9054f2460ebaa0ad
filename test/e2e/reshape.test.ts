/**
 * `varve image squash|flatten|rebase`: what containers see stays the same, to GNU tar's listing and to the byte, and they run. With
 * `VARVE_TEST_DOCKERD` (the socket of a dockerd) its container of the same image is exported for comparison as well.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { readTarStream } from "#tar";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { dockerArchive } from "./support/dockerArchive.ts";
import { must } from "./support/process.ts";
import { busyboxRootfs, directory, file, makeTar, symlink } from "./support/rootfs.ts";

const CAPABILITY = new Map([["security.capability", Buffer.from("0100000200040000000000000000000000000000", "hex")]]);
const LAYERS: readonly Buffer[] = [
  makeTar([
    directory("data"),
    file("data/kept", "kept"),
    file("data/changed", "old"),
    file("data/removed", "old"),
    directory("cache"),
    file("cache/big", "x".repeat(200_000)),
    { path: "data/twin", type: "hardlink", mode: 0o644, linkPath: "data/kept" },
    { ...file("data/tool", "tool", 0o4755), xattrs: CAPABILITY },
    symlink("data/link", "kept"),
  ]),
  makeTar([
    file("data/changed", "new"),
    file("data/.wh.removed", ""),
    directory("cache"),
    file("cache/.wh..wh..opq", ""),
    file("cache/small", "y"),
    { path: "pipe", type: "fifo", mode: 0o600, uid: 7, gid: 8 },
  ]),
  makeTar([{ ...directory("data"), mode: 0o2770, uid: 5 }, file("data/later", "z"), file("temporary", "t")]),
  makeTar([file(".wh.temporary", "")]),
];

/** Made when the container is. */
const INIT = /^(?:\.dockerenv|dev(?:\/.*)?|etc|etc\/(?:hosts|hostname|resolv\.conf|mtab)|proc|sys)$/;

async function factsOf(tar: string): Promise<readonly string[]> {
  const facts: string[] = [];
  for await (const { entry, body } of readTarStream(createReadStream(tar))) {
    const path = entry.path.replace(/^\.\//, "").replace(/\/$/, "");
    const content = createHash("sha256");
    for await (const chunk of body) content.update(chunk);
    if (path === "" || INIT.test(path)) continue;
    const { type, mode, uid, gid, size, mtimeSeconds, linkPath, xattrs } = entry;
    const attributes = [...(xattrs ?? [])].map(([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`);
    const bytes = type === "file" ? content.digest("hex").slice(0, 12) : "";
    facts.push(
      [path, type, mode.toString(8), uid, gid, size, mtimeSeconds, linkPath, bytes, attributes.sort().join()].join(" "),
    );
  }
  return facts.sort();
}

describe("image squash, flatten, rebase", () => {
  let daemon: TestDaemon;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "varve-reshape-"));
    daemon = await startDaemon();
    await load("app:1", [await busyboxRootfs(), ...LAYERS]);
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function load(name: string, layers: readonly Uint8Array[]): Promise<string> {
    const archive = join(folder, `${name.replace(":", "-")}.tar`);
    await writeFile(archive, dockerArchive(name, layers));
    await daemon.mustVarve(["load", "-q", "-i", archive]);
    return archive;
  }

  /** What a container of an image has, by its export. */
  async function seen(image: string): Promise<readonly string[]> {
    const tar = join(folder, "export.tar");
    const id = (await daemon.mustVarve(["create", image, "true"])).trim();
    await daemon.mustVarve(["export", "-o", tar, id]);
    await daemon.mustVarve(["rm", id]);
    return await factsOf(tar);
  }

  async function layersOf(image: string): Promise<number> {
    return Number(await daemon.mustVarve(["inspect", "--format", "{{len .RootFS.Layers}}", image]));
  }

  test("a flattened and a squashed image show what the image shows, and run", async () => {
    const expected = await seen("app:1");
    assert.ok(expected.some((line) => line.startsWith("data/tool file 4755") && line.includes("security.capability=")));
    const flat = (await daemon.mustVarve(["image", "flatten", "-t", "app:flat", "app:1"])).trim();
    assert.match(flat, /^sha256:[0-9a-f]{64}$/);
    const small = (await daemon.mustVarve(["image", "squash", "-q", "--from", "2", "-t", "app:small", "app:1"])).trim();
    assert.deepEqual([await layersOf("app:1"), await layersOf("app:flat"), await layersOf("app:small")], [5, 1, 2]);
    for (const image of [flat, small]) {
      assert.deepEqual(await seen(image), expected);
      const run = ["run", "--rm", image, "sh", "-c", "cat /data/changed; stat -c %h /data/twin; ls /cache"];
      assert.equal(await daemon.mustVarve(run), "new2\nsmall\n");
    }
  });

  test("without -t the name moves, and the command says what it was; by ID it does not", async () => {
    const id = (await daemon.mustVarve(["inspect", "--format", "{{.Id}}", "app:1"])).trim();
    await daemon.mustVarve(["tag", "app:1", "moved:1"]);
    const ran = await daemon.varve(["image", "squash", "--from", "2", "moved:1"]);
    assert.equal(ran.code, 0);
    assert.match(ran.stderr, new RegExp(`moved:1: [0-9a-f]{12}, was ${id.slice(7, 19)}\nLayers: 2, before 5\n$`));
    assert.equal((await daemon.mustVarve(["inspect", "--format", "{{.Id}}", "moved:1"])).trim(), ran.stdout.trim());
    assert.equal((await daemon.mustVarve(["inspect", "--format", "{{.Id}}", "app:1"])).trim(), id);
    const unnamed = (await daemon.mustVarve(["image", "flatten", "-q", id])).trim();
    assert.equal(await daemon.mustVarve(["inspect", "--format", "{{.RepoTags}}", unnamed]), "[]\n");
    await daemon.mustVarve(["save", "-o", join(folder, "moved.tar"), "moved:1"]);
    await daemon.mustDocker(["load", "-q", "-i", join(folder, "moved.tar")]);
  });

  test("a rebase takes the new base's files, refuses what both changed, and --force takes the image's", async () => {
    const busybox = await busyboxRootfs();
    await load("base:1", [busybox, makeTar([file("etc/release", "1"), file("etc/both", "1")])]);
    await load("base:2", [busybox, makeTar([file("etc/release", "2"), file("etc/both", "2")])]);
    const base = makeTar([file("etc/release", "1"), file("etc/both", "1")]);
    await load("good:1", [busybox, base, makeTar([file("app", "app")])]);
    await load("bad:1", [busybox, base, makeTar([file("etc/both", "mine")])]);
    await daemon.mustVarve(["image", "rebase", "--onto", "base:2", "good:1"]);
    assert.equal(
      await daemon.mustVarve(["run", "--rm", "good:1", "cat", "/etc/release", "/etc/both", "/app"]),
      "22app",
    );
    const refused = await daemon.varve(["image", "rebase", "--onto", "base:2", "bad:1"]);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /cannot rebase bad:1 onto base:2: its layers touch a path that the base changed: etc\/both \(--force/,
    );
    await daemon.mustVarve(["image", "rebase", "--force", "--from", "base:1", "--onto", "base:2", "bad:1"]);
    assert.equal(await daemon.mustVarve(["run", "--rm", "bad:1", "cat", "/etc/release", "/etc/both"]), "2mine");
  });

  test("words for what is wrong", async () => {
    const fails = async (args: readonly string[], words: RegExp): Promise<void> => {
      const ran = await daemon.varve(["image", ...args]);
      assert.notEqual(ran.code, 0);
      assert.match(ran.stderr, words);
    };
    await fails(["flatten", "none:1"], /No such image: none:1/);
    await fails(["squash", "--from", "99", "app:1"], /no step 99: the image has \d+, from 1/);
    await fails(["squash", "--from", "x", "app:1"], /invalid step "x"/);
    await fails(["rebase", "app:1"], /name the new base with --onto/);
    await fails(["flatten", "-t", "UPPER:x", "app:1"], /must be lowercase/);
  });

  test("the API: statuses, and what the last line tells", async () => {
    const statusOf = async (path: string): Promise<number> =>
      (await daemon.api("POST", `/varve/v1/images/${path}`)).status;
    assert.equal(await statusOf("none:1/flatten"), 404);
    assert.equal(await statusOf("app:1/squash?from=0"), 400);
    assert.equal(await statusOf("app:1/flatten?tag=UPPER:x"), 400);
    assert.equal(await statusOf("app:1/rebase"), 400);
    assert.equal(await statusOf("app:1/rebase?onto=app:1&from=base:2"), 412);
    await load("clash:1", [
      await busyboxRootfs(),
      makeTar([file("etc/both", "1")]),
      makeTar([file("etc/both", "mine")]),
    ]);
    await load("old:1", [await busyboxRootfs(), makeTar([file("etc/both", "1")])]);
    assert.equal(await statusOf("clash:1/rebase?onto=base:2&from=old:1"), 409);
    const { status, body } = await daemon.api("POST", "/varve/v1/images/app:1/flatten?tag=api:1");
    assert.equal(status, 200);
    const lines = (typeof body === "string" ? body : JSON.stringify(body)).trim().split("\r\n");
    const { aux } = JSON.parse(lines.at(-1) ?? "") as { aux: Readonly<Record<string, unknown>> };
    assert.deepEqual([aux["Reference"], aux["LayersBefore"], aux["LayersAfter"]], ["api:1", 5, 1]);
    assert.equal((await daemon.mustVarve(["inspect", "--format", "{{.Id}}", "api:1"])).trim(), aux["ID"]);
  });

  const dockerd = process.env["VARVE_TEST_DOCKERD"];
  test("a flattened image equals what dockerd's container of the image exports", {
    skip: dockerd === undefined && "VARVE_TEST_DOCKERD names no socket",
  }, async () => {
    const docker = (...args: readonly string[]): Promise<string> =>
      must("docker", ["-H", `unix://${dockerd}`, ...args]);
    const archive = await load("sdk-reshape:1", [await busyboxRootfs(), ...LAYERS]);
    await docker("load", "-q", "-i", archive);
    const id = (await docker("create", "sdk-reshape:1", "true")).trim();
    const tar = join(folder, "dockerd.tar");
    await docker("export", "-o", tar, id);
    await docker("rm", id);
    await docker("rmi", "sdk-reshape:1");
    await daemon.mustVarve(["image", "flatten", "sdk-reshape:1"]);
    assert.deepEqual(await seen("sdk-reshape:1"), await factsOf(tar));
  });
});
