/** Files of containers through the real rooms: mount namespaces, overlayfs, threads. Needs root. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readTarStream } from "#tar";
import type { TarEntry } from "#tar";
import { file, makeTar } from "../e2e/support/rootfs.ts";
import type { Member } from "../e2e/support/rootfs.ts";
import { mountsBelow } from "../e2e/support/daemon.ts";
import { openContainerRooms } from "./containerRooms.ts";
import type { ContainerRooms } from "./containerRooms.ts";

const PLAIN = { noOverwriteDirNonDir: false, copyUidGid: false };
const MARK = "this lies outside of every container";

type Found = readonly (readonly [TarEntry, string])[];

async function entriesOf(tar: AsyncIterable<Uint8Array>): Promise<Found> {
  const found: [TarEntry, string][] = [];
  for await (const { entry, body } of readTarStream(tar)) {
    const parts: Uint8Array[] = [];
    for await (const part of body) parts.push(part);
    found.push([entry, Buffer.concat(parts).toString("latin1")]);
  }
  return found;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

describe("files of containers", () => {
  let rooms: ContainerRooms;
  let outside: string;
  const read = async (id: string, path: string): Promise<Found> =>
    entriesOf((await rooms.files.archive(id, path, {})).body);
  const write = (id: string, path: string, members: readonly Member[], options: object = {}): Promise<void> =>
    rooms.files.extract(id, path, once(makeTar(members)), { ...PLAIN, ...options });
  const ran = async (...script: readonly string[]): Promise<string> =>
    (await rooms.run({ Cmd: ["sh", "-c", script.join("; ")] })).id;

  /** A root is given back behind the answer. */
  const nothingMounted = async (): Promise<void> => {
    const merged = (): string[] => mountsBelow(rooms.dataRoot).filter((target) => target.endsWith("/merged"));
    for (let attempt = 0; attempt < 200 && merged().length > 0; attempt += 1) await sleep(10);
    assert.deepEqual(merged(), []);
  };

  before(async () => {
    rooms = await openContainerRooms();
    outside = mkdtempSync(join(tmpdir(), "varve-outside-"));
    writeFileSync(join(outside, "secret"), MARK);
  });
  after(async () => {
    await rooms[Symbol.asyncDispose]();
    rmSync(outside, { recursive: true });
  });

  test("image mounts: seen in a container that does not run, before and after its run; read-only", async () => {
    const Mounts = [
      { Type: "image", Source: "box", Target: "/img" },
      { Type: "image", Source: "box", Target: "/sub", ImageOptions: { Subpath: "etc" } },
    ];
    const id = await rooms.make({ Cmd: ["cat", "/img/etc/group"], HostConfig: { Mounts } });
    const see = async (): Promise<void> => {
      for (const path of ["/img/etc/passwd", "/sub/passwd"]) {
        const [[, text] = []] = await read(id, path);
        assert.match(text ?? "", /^root:x:0:0/);
      }
      await assert.rejects(write(id, "/img", [file("x", "y")]), /read-only/);
    };
    await see();
    await rooms.containers.start(id);
    await rooms.containers.wait(id, "not-running");
    await see();
    await rooms.containers.remove(id, { force: false, volumes: false });
    await nothingMounted();
  });

  test("archive: names start with the path's last part; links, modes and fifos as they are", async () => {
    const id = await ran(
      "mkdir -p /d/sub; echo one >/d/a; chmod 4711 /d/a; cd /d",
      "busybox ln a b; busybox ln -s sub l; busybox mkfifo f",
    );
    const rows = (await read(id, "/d")).map(
      ([entry, body]) => `${entry.path} ${entry.type} ${entry.mode.toString(8)} ${entry.linkPath} ${body.trim()}`,
    );
    assert.deepEqual(rows, [
      "d/ directory 755  ",
      "d/a file 4711  one",
      "d/b hardlink 4711 d/a ",
      "d/f fifo 644  ",
      "d/l symlink 777 sub ",
      "d/sub/ directory 755  ",
    ]);
    assert.deepEqual(
      (await read(id, "/d/.")).slice(0, 2).map(([{ path }]) => path),
      ["./", "./a"],
    );
    assert.deepEqual(
      (await read(id, "/d/l")).map(([{ path, type }]) => `${path} ${type}`),
      ["l symlink"],
    );
    assert.deepEqual(
      (await read(id, "d/l/")).map(([{ path, type }]) => `${path} ${type}`),
      ["l/ directory"],
    );
  });

  test("stat: Go's mode, where links lead, and Docker's words for what is not there", async () => {
    const id = await ran("busybox ln -s /etc/../d/x /l", "mkdir /d", "busybox ln -s ../../../nowhere /d/x");
    const found = await rooms.files.stat(id, "/l");
    assert.equal(found.mode, 2 ** 27 + 0o777);
    assert.equal(found.linkTarget, "/nowhere");
    await assert.rejects(rooms.files.stat(id, "/nope"), {
      message: `Could not find the file /nope in container ${id}`,
      category: "not_found",
    });
    await assert.rejects(rooms.files.stat(id, "/.dockerenv/x"), { message: "lstat /.dockerenv/x: not a directory" });
  });

  test("view: /etc/hosts is the container's own file, and nothing stays mounted", async () => {
    const id = await ran("true");
    const [[, body] = []] = await read(id, "/etc/hosts");
    assert.match(body ?? "", /localhost/);
    await nothingMounted();
  });

  test("extract: owner, mode, time, links, devices; a file in the place of a file", async () => {
    const id = await ran("mkdir /d; echo old >/d/f");
    await write(id, "/d", [
      { path: "f", type: "file", body: "new", mode: 0o4755, uid: 33, gid: 44, mtimeSeconds: 1000 },
      { path: "h", type: "hardlink", linkPath: "f" },
      { path: "l", type: "symlink", linkPath: "f" },
      { path: "n", type: "char", deviceMajor: 1, deviceMinor: 3, mode: 0o666 },
      { path: "deep/er/x", type: "file", body: "x" },
      { path: "dir", type: "directory", mode: 0o700, mtimeSeconds: 2000 },
    ]);
    const rows = (await read(id, "/d/.")).map(
      ([{ path, type, mode, uid, gid, mtimeSeconds }, body]) =>
        `${path} ${type} ${mode.toString(8)} ${uid}:${gid} ${mtimeSeconds < 9999 ? mtimeSeconds : ""} ${body}`,
    );
    assert.deepEqual(rows.slice(1), [
      "./deep/ directory 755 0:0  ",
      "./deep/er/ directory 755 0:0  ",
      "./deep/er/x file 0 0:0  x",
      "./dir/ directory 700 0:0 2000 ",
      "./f file 4755 33:44 1000 new",
      "./h hardlink 4755 33:44 1000 ",
      "./l symlink 777 0:0  ",
      "./n char 666 0:0  ",
    ]);
  });

  test("extract: refused in dockerd's words", async () => {
    const id = await ran("mkdir -p /d/dir; echo f >/d/file");
    const refused = (members: readonly Member[], message: string, options: object = {}): Promise<void> =>
      assert.rejects(write(id, "/d", members, options), { message });
    await refused([{ path: "../esc", type: "file" }], '"../esc" is outside of "/d"');
    await refused([{ path: "h", type: "hardlink", linkPath: "../x" }], 'invalid hardlink "/x" -> "../x"');
    await refused([{ path: "s", type: "symlink", linkPath: "../../x" }], 'invalid symlink "/d/s" -> "../../x"');
    const strict = { noOverwriteDirNonDir: true };
    await refused(
      [{ path: "dir", type: "file" }],
      'cannot overwrite directory "/d/dir" with non-directory "/d"',
      strict,
    );
    await refused(
      [{ path: "file", type: "directory" }],
      'cannot overwrite non-directory "/d/file" with directory "/d"',
      strict,
    );
    await assert.rejects(write(id, "/d/file", []), { message: "extraction point is not a directory" });
    await assert.rejects(write(id, "/nope", []), { message: `Could not find the file /nope in container ${id}` });
    await assert.rejects(rooms.files.extract(id, "/d", once(Buffer.from("garbage")), PLAIN), {
      message: "unexpected EOF",
    });
  });

  test("extract: a read-only root is not written to", async () => {
    const id = await rooms.make({ Cmd: ["true"], HostConfig: { NetworkMode: "none", ReadonlyRootfs: true } });
    await assert.rejects(write(id, "/etc", [{ path: "x", type: "file" }]), {
      message: "container rootfs is marked read-only",
    });
    assert.deepEqual(await rooms.files.changes(id), []);
  });

  test("extract: a symlink that the archive itself makes leads within the container", async () => {
    const id = await ran("mkdir /d");
    await write(id, "/d", [
      { path: "x", type: "symlink", linkPath: outside },
      { path: "x/planted", type: "file", body: "no" },
    ]).catch(() => undefined);
    assert.deepEqual(readdirSync(outside), ["secret"]);
  });

  test("changes: added, changed, deleted, and the directories above; what the runtime needs is none", async () => {
    const id = await ran(
      "echo x >/etc/new; rm /etc/passwd; mkdir /tmp/keep; chmod 700 /tmp; echo y >>/bin/ls",
      "rm -r /etc/group",
    );
    const rows = (await rooms.files.changes(id)).map(({ Path, Kind }) => `${"CAD"[Kind]} ${Path}`);
    assert.ok(rows.includes("A /etc/new") && rows.includes("D /etc/passwd") && rows.includes("C /etc"), rows.join());
    assert.ok(rows.indexOf("C /etc") < rows.indexOf("A /etc/new"));
    for (const path of ["/.dockerenv", "/etc/hosts", "/etc/hostname", "/proc", "/dev"])
      assert.ok(!rows.some((row) => row.slice(2) === path), `${path} in ${rows.join()}`);
    assert.deepEqual(await rooms.files.changes(await rooms.make({ Cmd: ["true"] })), []);
  });

  test("changes: a directory made anew hides what was in it", async () => {
    const id = await ran("rm -r /etc; mkdir /etc; echo r >/etc/passwd");
    const rows = (await rooms.files.changes(id)).map(({ Path, Kind }) => `${"CAD"[Kind]} ${Path}`);
    assert.ok(rows.includes("C /etc/passwd") && rows.includes("D /etc/group"), rows.join());
  });

  test("export: the merged root, with empty files where the runtime mounts", async () => {
    const id = await ran("echo x >/a", "rm /etc/group");
    const found = new Map((await entriesOf(await rooms.files.export(id, {}))).map(([e, body]) => [e.path, body]));
    assert.equal(found.get("a"), "x\n");
    assert.equal(found.get("etc/hosts"), "");
    assert.equal(found.has(".dockerenv"), true);
    assert.equal(found.has("etc/group"), false);
  });

  test("a client that goes away ends its job; the next one finds everything in place", async () => {
    const id = await ran("head -c 30000000 /dev/zero >/big");
    for (let round = 0; round < 3; round += 1) {
      const { body } = await rooms.files.archive(id, "/big", {});
      for await (const chunk of body) if (chunk.length > 0) break;
    }
    const [[entry] = []] = await read(id, "/big");
    assert.equal(entry?.size, 30_000_000);
  });

  test("a container that is removed while it is read takes nothing else with it", async () => {
    const id = await ran("head -c 20000000 /dev/zero >/big");
    const { body } = await rooms.files.archive(id, "/big", {});
    const reading = entriesOf(body).catch((error: unknown) => error);
    await rooms.containers.remove(id, { force: true, volumes: false });
    await reading;
    await nothingMounted();
  });

  /** A container that without end makes `/x` in turn a directory of its own and a link to the host's folder. */
  async function swapper(): Promise<string> {
    const up = "../".repeat(20);
    const id = await rooms.make({
      Cmd: [
        "sh",
        "-c",
        [
          "mkdir /real; echo inside >/real/secret",
          "while true; do busybox mv /real /x; busybox mv /x /real",
          `busybox ln -s ${outside} /x; rm /x; busybox ln -s ${up}${outside.slice(1)} /x; rm /x; done`,
        ].join("; "),
      ],
    });
    await rooms.containers.start(id);
    return id;
  }

  test("escape: reading through a path that is being swapped never leaves the container", async () => {
    const id = await swapper();
    let inside = 0;
    let links = 0;
    for (let round = 0; round < 150; round += 1) {
      for (const path of ["/x/secret", "/x/", "/x"]) {
        const found = await read(id, path).catch(() => []);
        for (const [entry, body] of found) {
          if (entry.type === "symlink") links += 1;
          assert.doesNotMatch(body, /outside/);
          if (body === "inside\n") inside += 1;
        }
      }
      const { linkTarget } = await rooms.files.stat(id, "/x").catch(() => ({ linkTarget: "" }));
      assert.ok(linkTarget === "" || linkTarget.startsWith("/"));
      await rooms.files.changes(id);
    }
    assert.ok(inside > 0, "the directory was never met");
    assert.ok(links > 0, "the link was never met");
    await rooms.containers.remove(id, { force: true, volumes: false });
  });

  test("escape: writing through a path that is being swapped never leaves the container", async () => {
    const id = await swapper();
    for (let round = 0; round < 150; round += 1) {
      await write(id, "/x", [{ path: "planted", type: "file", body: "p" }]).catch(() => undefined);
      await write(id, "/", [
        { path: "x", type: "directory" },
        { path: "x/planted", type: "file", body: "p" },
        { path: "x/secret", type: "file", body: "changed" },
        { path: "x/link", type: "hardlink", linkPath: "x/secret" },
      ]).catch(() => undefined);
    }
    await rooms.containers.remove(id, { force: true, volumes: false });
    assert.deepEqual(readdirSync(outside), ["secret"]);
    assert.equal(readFileSync(join(outside, "secret"), "utf8"), MARK);
  });
});
