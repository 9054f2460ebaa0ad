/** Looking into images of the store: equal to what `tar` lists of the same layers. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createEngineClient, openStoredImage, parseHost } from "#client";
import type { EngineClient } from "#client";
import type { DiffReply, WhyReply } from "#analysis";
import type { OverlayReply } from "#engineapi";
import { toDisplayPath } from "#tar";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { dockerArchive } from "./support/dockerArchive.ts";
import { must } from "./support/process.ts";
import { directory, file, makeTar, symlink } from "./support/rootfs.ts";

const BASE = makeTar([
  directory("etc"),
  file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
  symlink("etc/loop", "loop"),
  symlink("etc/out", "../../../../etc/passwd"),
  file("etc/two\nlines", "odd"),
  file("etc/caf\u00c3\u00a9", "utf8 name"),
  file("etc/\u00ff\u00fe", "bytes that are no text"),
  directory("bin"),
  file("bin/su", "#!/bin/sh\n", 0o4755),
  file("bin/tool", "x".repeat(300_000), 0o755),
  directory("var/cache"),
  file("var/cache/big", "y".repeat(100_000)),
]);
const TOP = makeTar([
  file("var/cache/.wh.big", ""),
  file("etc/passwd", "root:x:0:0:root:/root:/bin/ash\n"),
  { path: "bin/same", type: "hardlink", mode: 0o755, linkPath: "bin/tool" },
  file("opt/new/a", "a"),
  { path: "opt/new/b", type: "hardlink", mode: 0o644, linkPath: "opt/new/a" },
]);

async function bytes(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** `tar -t` with all attributes, in its own words: mode, owner, size, path, and where a link leads. */
async function tarListing(folder: string, tar: Uint8Array): Promise<readonly string[]> {
  const path = join(folder, "layer.tar");
  await writeFile(path, tar);
  const text = await must("tar", ["--numeric-owner", "--quoting-style=escape", "-tvf", path]);
  return text
    .trim()
    .split("\n")
    .map((line) => line.replace(/^(\S+) (\S+) +(\d+) \S+ \S+ (.*)$/, "$1 $2 $3 $4").replace(/\/$/, ""));
}

describe("looking into images of the store", () => {
  let daemon: TestDaemon;
  let client: EngineClient;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "varve-looking-"));
    daemon = await startDaemon();
    client = createEngineClient({ host: parseHost(`unix://${daemon.socket}`) });
    const archive = join(folder, "image.tar");
    await writeFile(archive, dockerArchive("look:1", [BASE, TOP]));
    await daemon.mustVarve(["load", "-q", "-i", archive]);
  });
  after(async () => {
    await client[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  test("entries are tar's own, with what a layer alone does not say", async () => {
    await using image = await openStoredImage(client, "look:1");
    assert.deepEqual(
      image.layers.map(({ index, step, history, tarBytes }) => [index, step, history?.created_by, tarBytes]),
      [
        [0, 1, "layer 0", BASE.length],
        [1, 2, "layer 1", TOP.length],
      ],
    );
    const listed = await tarListing(folder, BASE);
    const entries = await image.readLayer(0);
    const kinds = { directory: "d", file: "-", symlink: "l", char: "c", block: "b", fifo: "p" };
    const shown = entries
      .filter(({ implied }) => implied !== true)
      .map(({ type, mode, uid, gid, size, path, target }) => {
        const name = toDisplayPath(path).replace("\n", "\\n").replace("\u00ff\u00fe", "\\377\\376");
        const bits = Array.from("rwxrwxrwx", (bit, at) => ((mode >> (8 - at)) & 1 ? bit : "-"));
        if ((mode & 0o4000) !== 0) bits[2] = "s";
        const link = target === undefined ? "" : ` -> ${target}`;
        return `${kinds[type]}${bits.join("")} ${uid}/${gid} ${size} ${name}${link}`;
      });
    assert.deepEqual(shown.sort(), [...listed].map((line) => line.replace("caf\\303\\251", "café")).sort());
    const top = await image.readLayer(1);
    const marks = top.map(({ path, implied, whiteout, hardLink, target }) =>
      [path, implied && "implied", whiteout && "whiteout", hardLink && `= ${target}`].filter(Boolean).join(" "),
    );
    assert.deepEqual(marks, [
      "bin implied",
      "bin/same = bin/tool",
      "etc implied",
      "etc/passwd",
      "opt implied",
      "opt/new implied",
      "opt/new/a",
      "opt/new/b = opt/new/a",
      "var implied",
      "var/cache implied",
      "var/cache/big whiteout",
    ]);
  });

  test("bytes of files, by any name they have", async () => {
    await using image = await openStoredImage(client, "look:1");
    assert.equal(await bytes(image.readFile(0, "etc/passwd")), "root:x:0:0:root:/root:/bin/sh\n");
    assert.equal(await bytes(image.readFile(1, "etc/passwd")), "root:x:0:0:root:/root:/bin/ash\n");
    assert.equal(await bytes(image.readFile(0, "etc/two\nlines")), "odd");
    assert.equal(await bytes(image.readFile(0, "etc/caf\u00c3\u00a9")), "utf8 name");
    assert.equal(await bytes(image.readFile(0, "etc/\u00ff\u00fe")), "bytes that are no text");
    assert.equal(await bytes(image.readFile(1, "opt/new/b")), "a");
    assert.equal((await bytes(image.readFile(1, "bin/same"))).length, 300_000);
  });

  test("what is not there is told in one line", async () => {
    await assert.rejects(openStoredImage(client, "nope:1"), /No such image: nope:1$/);
    const platform = { os: "linux", architecture: "arm64" };
    await assert.rejects(openStoredImage(client, "look:1", { platform }), /does not match the specified platform/);
    await using image = await openStoredImage(client, "look:1");
    const fails = async (layer: number, path: string, message: RegExp): Promise<void> =>
      assert.rejects(bytes(image.readFile(layer, path)), message);
    await fails(0, "etc", /etc: layer 0 has no such file$/);
    await fails(0, "etc/out", /layer 0 has no such file$/);
    await fails(0, "../../../../etc/passwd", /layer 0 has no such file$/);
    await fails(7, "etc/passwd", /no layer 7: the image has 2 layers, from 0$/);
    const status = async (path: string): Promise<number> =>
      (await daemon.api("GET", `/varve/v1/images/${path}`)).status;
    assert.equal(await status("look:1/layers/0/file"), 400);
    assert.equal(await status("look:1/entries?layer=x"), 400);
    assert.equal(await status("look:1/entries?layer=2"), 404);
    assert.equal(await status("nope/entries"), 404);
  });

  test("ls-files: as tar lists a container's root, at any step", async () => {
    const id = (await daemon.mustDocker(["create", "look:1", "sh"])).trim();
    const root = join(folder, "root");
    await daemon.mustDocker(["export", "-o", `${root}.tar`, id]);
    await must("mkdir", [root]);
    await must("tar", ["-C", root, "-xf", `${root}.tar`]);
    const found = await must("find", [root, "-mindepth", "1", "-printf", "/%P\\0"]);
    await daemon.mustDocker(["rm", id]);
    // What a container's start adds is no part of the image.
    const own = found
      .split("\0")
      .filter(
        (path) =>
          !/^\/(?:dev|proc|sys)(?:\/|$)|^\/etc\/(?:hosts|hostname|resolv.conf|mtab)$|^\/\.dockerenv$|^$/.test(path),
      );
    const lines = (await daemon.mustVarve(["image", "ls-files", "-R", "--format", "json", "look:1"]))
      .trim()
      .split("\n");
    const listed = lines.map((line) => (JSON.parse(line) as { readonly path: string }).path);
    assert.deepEqual([...listed].sort(), own.map((path) => path.replace("\ufffd\ufffd", "\u00ff\u00fe")).sort());
    const text = await daemon.mustVarve(["image", "ls-files", "look:1", "/etc"]);
    assert.ok(text.includes("/etc/two\\nlines\n"), text);
    const before = await daemon.mustVarve(["image", "ls-files", "look:1@1", "/var/cache"]);
    assert.equal(before, "/var/cache/big\n");
    assert.equal(await daemon.mustVarve(["image", "ls-files", "look:1@2", "/var/cache"]), "");
  });

  test("cat and cp: the bytes that docker cp gives, and nothing half-written", async () => {
    const id = (await daemon.mustDocker(["create", "look:1", "sh"])).trim();
    const [ours, theirs] = [join(folder, "ours"), join(folder, "theirs")];
    await must("mkdir", [ours, theirs]);
    for (const path of ["/bin", "/etc/passwd", "/opt/.", "/opt/new/b"]) {
      await daemon.mustVarve(["image", "cp", `look:1:${path}`, ours]);
      await daemon.mustDocker(["cp", `${id}:${path}`, theirs]);
    }
    await must("diff", ["-r", ours, theirs]);
    const facts = (folder: string): Promise<string> =>
      must("sh", ["-c", `cd ${folder} && find . -printf '%P %M %n %T@\\n' | sed 1d | sort`]);
    assert.equal(await facts(ours), await facts(theirs));
    await daemon.mustDocker(["rm", id]);
    assert.equal(
      await daemon.mustVarve(["image", "cat", "look:1", "/etc/out", "/opt/new/a"]),
      "root:x:0:0:root:/root:/bin/ash\na",
    );
    const fails = async (args: readonly string[], message: RegExp): Promise<void> => {
      const { code, stderr } = await daemon.varve(["image", ...args]);
      assert.equal(code, 1, args.join(" "));
      assert.match(stderr, message);
    };
    await fails(["cat", "look:1", "/etc/loop"], /\/etc\/loop: too many levels of symbolic links\n$/);
    await fails(["cat", "look:1", "/etc", "/nope"], /\/etc: is a directory\n.*\/nope: no such file or directory\n$/);
    await fails(["cp", "look:1:/etc/out", ours], /invalid symlink ".*\/ours\/out" -> "..\/..\/..\/..\/etc\/passwd"\n$/);
    await fails(["cp", "look:1:/bin", join(ours, "passwd")], /cannot copy directory\n$/);
    await fails(["ls-files", "look:1@3"], /look:1 has 2 steps: there is no step 3\n$/);
    await fails(["ls-files", "nope:1"], /No such image: nope:1\n$/);
    assert.equal(await must("sh", ["-c", `ls -A ${ours} | grep varve-cp || true`]), "");
  });

  test("an archive is looked into without a daemon, and says the same", async () => {
    const list = (image: string): Promise<string> => daemon.mustVarve(["image", "ls-files", "-R", "-l", image]);
    const archive = `docker-archive:${join(folder, "image.tar")}`;
    assert.equal(await list(archive), await list("look:1"));
    assert.equal(await daemon.mustVarve(["image", "cat", archive, "/bin/same"]), "x".repeat(300_000));
  });

  test("why: what each layer did, in both sources", async () => {
    const why = async (image: string, path: string): Promise<WhyReply> =>
      JSON.parse(await daemon.mustVarve(["image", "why", "--format", "json", image, path])) as WhyReply;
    const archive = `docker-archive:${join(folder, "image.tar")}`;
    for (const image of ["look:1", archive]) {
      const gone = await why(image, "/var/cache/big");
      assert.deepEqual(
        [gone.present, gone.wastedBytes, gone.events.map(({ kind, step, hiddenBy }) => [kind, step, hiddenBy?.path])],
        [
          false,
          100_000,
          [
            ["added", 1, undefined],
            ["removed", 2, "/var/cache/big"],
          ],
        ],
      );
    }
    const changed = await why("look:1@1", "/etc/passwd");
    assert.deepEqual(
      changed.events.map(({ kind, createdBy }) => [kind, createdBy]),
      [["added", "layer 0"]],
    );
    const { code, stderr } = await daemon.varve(["image", "why", "look:1", "/no/such"]);
    assert.deepEqual(
      [code, stderr.trim()],
      [1, "Error response from daemon: /no/such: no layer of look:1 has such a path"],
    );
  });

  test("search-files: by name, mode and content, with the images that show it", async () => {
    const search = async (...args: readonly string[]): Promise<readonly string[]> =>
      (await daemon.mustVarve(["search-files", ...args]))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.replace(/\t[0-9a-f]{12}\t/, " "));
    assert.deepEqual(await search("--setuid"), ["/bin/su look:1"]);
    assert.deepEqual(await search("big"), ["/var/cache/big look:1 (hidden)"]);
    const digest = createHash("sha256").update("x".repeat(300_000)).digest("hex");
    // The second time the digests are known.
    for (let time = 0; time < 2; time += 1) assert.deepEqual(await search("--sha256", digest), ["/bin/tool look:1"]);
    assert.deepEqual(await search("--larger", "200kB", "--image", "look:1", "-i", "TOOL"), ["/bin/tool look:1"]);
    for (const [args, message] of [
      [["--larger", "1x"], /invalid size "1x"/],
      [["--image", "nope", "x"], /No such image: nope:latest/],
      [[], /say what to search for/],
      [["--regex", "("], /invalid regular expression/],
    ] as const) {
      const { code, stderr } = await daemon.varve(["search-files", ...args]);
      assert.equal(code, 1);
      assert.match(stderr, message);
    }
  });

  test("tree and overlay: what the store and a container stand on", async () => {
    assert.match(await daemon.mustVarve(["image", "tree"]), /^look:1 +\S+ +2 +\S+$/m);
    const { stdout } = await daemon.varve(["image", "overlay", "--format", "json", "look:1"]);
    const image = JSON.parse(stdout) as OverlayReply;
    assert.deepEqual(
      image.lower.filter(({ kind }) => kind === "layer").map(({ createdBy, whiteouts }) => [createdBy, whiteouts]),
      [
        ["layer 1", ["/var/cache/big"]],
        ["layer 0", []],
      ],
    );
    const id = (await daemon.mustDocker(["create", "--name", "look-top", "look:1", "sh"])).trim();
    const { body } = await daemon.api("GET", "/varve/v1/overlay/look-top");
    const container = body as OverlayReply;
    assert.deepEqual([container.kind, container.id, container.status], ["container", id, "created"]);
    await must("mknod", [join(container.upper ?? "", "etc-gone"), "c", "0", "0"]);
    const { body: after } = await daemon.api("GET", `/varve/v1/overlay/${id.slice(0, 12)}`);
    assert.deepEqual((after as OverlayReply).changes?.whiteouts, ["/etc-gone"]);
    await daemon.mustDocker(["rm", id]);
    assert.equal((await daemon.api("GET", "/varve/v1/overlay/look-top")).status, 404);
  });

  test("diff: two steps, an archive and the store, all parts", async () => {
    const diff = async (...args: readonly string[]): Promise<DiffReply> =>
      JSON.parse(await daemon.mustVarve(["image", "diff", "--format", "json", ...args])) as DiffReply;
    const archive = `docker-archive:${join(folder, "image.tar")}`;
    for (const sides of [
      ["look:1@1", "look:1@2"],
      [`${archive}@1`, archive],
      ["look:1@1", archive],
    ]) {
      const { files = [], size = [], sharedLayers, config } = await diff(...sides);
      assert.deepEqual(
        files.map(({ kind, path, changes }) => [kind, path, ...changes].join(" ")),
        [
          "added /bin/same",
          "changed /etc/passwd content",
          "added /opt",
          "added /opt/new",
          "added /opt/new/a",
          "added /opt/new/b",
          "removed /var/cache/big",
        ],
      );
      assert.equal(sharedLayers, 1);
      assert.deepEqual(config, []);
      // 100,000 gone, one byte more in passwd and one in /opt/new/a.
      assert.equal((size[0]?.after ?? 0) - (size[0]?.before ?? 0), -100_000 + 1 + 1);
    }
    const only = await diff("--config", "look:1", "look:1");
    assert.deepEqual([only.files, only.size, only.config], [undefined, undefined, []]);
    const status = async (query: string): Promise<number> =>
      (await daemon.api("GET", `/varve/v1/images/look:1/diff?${query}`)).status;
    assert.equal(await status(""), 400);
    assert.equal(await status("other=look:1&part=x"), 400);
    assert.equal(await status("other=look:1&otherStep=9"), 400);
    assert.equal(await status("other=nope"), 404);
    const text = await daemon.mustVarve(["image", "diff", "--files", "look:1@1", "look:1@2"]);
    assert.ok(text.includes("\n  - /var/cache/big  100kB\n"), text);
  });

  test("clients that go away in the middle, many at a time, leave the daemon at work", async () => {
    const path = "/varve/v1/images/look:1/archive";
    const bodies = await Promise.all(Array.from({ length: 20 }, () => client.open({ path, query: { path: "/bin" } })));
    for (const { body } of bodies.slice(1)) body.destroy();
    const [first] = bodies;
    let size = 0;
    for await (const chunk of first?.body ?? []) size += chunk.byteLength;
    assert.ok(size > 300_000, String(size));
    assert.equal(await daemon.mustVarve(["image", "cat", "look:1", "/opt/new/a"]), "a");
    assert.doesNotMatch(daemon.log(), /level=error/);
  });

  test("an image that was closed fetches no more", async () => {
    const image = await openStoredImage(client, "look:1");
    await image[Symbol.asyncDispose]();
    await assert.rejects(image.readLayer(0));
  });
});
