/** What containers see beside their roots. Needs root, crun and conmon; everything mounted here is unmounted again. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { ContainerCreateRequest } from "#containers";
import { isConflict, isNotFound, messageOf } from "#errors";
import { isMountPoint, unmount } from "#host";
import { treeFacts } from "../contract/treeFacts.ts";
import { mountsBelow } from "../e2e/support/daemon.ts";
import { must } from "../e2e/support/process.ts";
import { directory, file, symlink } from "../e2e/support/rootfs.ts";
import type { Member } from "../e2e/support/rootfs.ts";
import { openContainerRooms } from "./containerRooms.ts";
import type { ContainerRooms, RunResult } from "./containerRooms.ts";

const skip = process.getuid?.() === 0 ? false : "needs root to run containers";

const CAPABILITY = Buffer.from("0100000200040000000000000000000000000000", "hex");
const CONTENT: readonly Member[] = [
  { ...directory("./data", 0o2751), uid: 33, gid: 44, mtimeSeconds: 1_000_000_000 },
  { ...file("./data/f", "hi\n", 0o4755), uid: 33, gid: 44, xattrs: new Map([["user.a", Buffer.from("b")]]) },
  { path: "./data/hard", type: "hardlink", linkPath: "./data/f" },
  { ...file("./data/ping", "x".repeat(70_000)), xattrs: new Map([["security.capability", CAPABILITY]]) },
  symlink("./data/sym", "f"),
  symlink("./data/out", "/../../../../../../etc"),
  { path: "./data/fifo", type: "fifo", mode: 0o600 },
  { path: "./data/null", type: "char", mode: 0o666, deviceMajor: 1, deviceMinor: 3 },
  directory("./data/sub", 0o1777),
  { ...file("./data/sub/deep", "deep"), mtimeSeconds: 978_307_200 },
  { path: "./data/sub/again", type: "hardlink", linkPath: "./data/f" },
  file("./data/\xe9", "a name that is no UTF-8"),
  symlink("./lnk", "/data"),
  symlink("./kernel", "proc"),
  symlink("./away", "/../../../../../../tmp"),
];

describe("mounts", { skip }, () => {
  let rooms: ContainerRooms;
  let host: string;

  before(async () => {
    rooms = await openContainerRooms(CONTENT);
    host = mkdtempSync(join(tmpdir(), "varve-mounts-"));
  });
  after(async () => {
    await rooms[Symbol.asyncDispose]();
    for (const target of mountsBelow(host).reverse()) await unmount(target, { lazy: true });
    rmSync(host, { recursive: true, force: true });
  });

  type HostConfig = NonNullable<ContainerCreateRequest["HostConfig"]>;
  const sh = (script: string, hostConfig: HostConfig, more: Partial<ContainerCreateRequest> = {}): Promise<RunResult> =>
    rooms.run({ Cmd: ["sh", "-c", script], ...more, HostConfig: { NetworkMode: "none", ...hostConfig } });
  const made = (request: Partial<ContainerCreateRequest>): Promise<string> => rooms.make({ Cmd: ["true"], ...request });
  const remove = (id: string, volumes = false): Promise<void> => rooms.containers.remove(id, { force: true, volumes });
  const folder = (name: string): string => {
    const path = join(host, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const volumeNames = (): readonly string[] => rooms.volumes.list(new Map()).Volumes.map(({ Name }) => Name);
  const dataOf = (name: string): string => rooms.volumes.inspect(name).Mountpoint;
  /** What a container mounted when it ran, or what it said instead. */
  const outcome = (work: Promise<RunResult>): Promise<string> =>
    work.then(
      ({ stdout, stderr }) => stdout + stderr,
      (error: unknown) => messageOf(error),
    );

  test("binds: what one side writes the other reads; a missing source becomes a directory", async () => {
    const source = join(host, "made/here");
    const ran = await sh("echo in >/b/file; cat /b/file", { Binds: [`${source}:/b`] });
    assert.equal(ran.stdout, "in\n");
    assert.equal(readFileSync(join(source, "file"), "utf8"), "in\n");
    writeFileSync(join(host, "single"), "one");
    assert.equal((await sh("cat /etc/new/file", { Binds: [`${host}/single:/etc/new/file`] })).stdout, "one");
  });

  test("binds: read-only holds for what is mounted below, unless asked otherwise", async () => {
    const source = folder("tree");
    folder("tree/sub");
    await must("mount", ["-t", "tmpfs", "none", join(source, "sub")]);
    const script = "for d in /b /b/sub; do touch $d/x 2>/dev/null && echo $d; done; true";
    const write = async (ReadOnly: boolean, BindOptions: object): Promise<string> =>
      (await sh(script, { Mounts: [{ Type: "bind", Source: source, Target: "/b", ReadOnly, BindOptions }] })).stdout;
    assert.equal((await sh(script, { Binds: [`${source}:/b:ro`] })).stdout, "");
    assert.equal(await write(true, { ReadOnlyForceRecursive: true, Propagation: "rprivate" }), "");
    assert.equal(await write(true, { ReadOnlyNonRecursive: true }), "/b/sub\n");
    assert.equal(await write(false, {}), "/b\n/b/sub\n");
    const seen = { NonRecursive: true };
    const Mounts = [{ Type: "bind", Source: source, Target: "/b", BindOptions: seen }];
    assert.equal((await sh("ls /b/sub", { Mounts })).stdout, "");
    await unmount(join(source, "sub"));
  });

  test("binds: mounts of the host come later through a slave, and not through a private one", async () => {
    const source = folder("shared");
    await must("mount", ["-t", "tmpfs", "none", source]);
    await must("mount", ["--make-shared", source]);
    folder("shared/late");
    const Binds = ["rprivate", "rslave", "rshared"].map((mode) => `${source}:/${mode}:${mode}`);
    const id = await rooms.make({ Cmd: ["sleep", "100"], HostConfig: { NetworkMode: "none", Binds } });
    await rooms.containers.start(id);
    await must("mount", ["-t", "tmpfs", "late", join(source, "late")]);
    const pid = Reflect.get(Object((await rooms.containers.inspect(id))["State"]), "Pid") as number;
    const seen = readFileSync(`/proc/${pid}/mountinfo`, "utf8").split("\n");
    const places = seen.map((line) => line.split(" ")[4] ?? "").filter((place) => place.endsWith("/late"));
    assert.deepEqual(
      places.toSorted((a, b) => (a < b ? -1 : 1)),
      ["/rshared/late", "/rslave/late"],
    );
    await remove(id);
    await unmount(join(source, "late"), { lazy: true });
    await unmount(source, { lazy: true });
  });

  test("binds: what is not shared cannot be followed", async () => {
    const source = folder("private");
    await must("mount", ["-t", "tmpfs", "none", source]);
    await must("mount", ["--make-private", source]);
    const refused = (mode: string): Promise<string> => outcome(sh("true", { Binds: [`${source}:/b:${mode}`] }));
    assert.equal(await refused("rshared"), `path ${source} is mounted on ${source} but it is not a shared mount`);
    assert.equal(
      await refused("rslave"),
      `path ${source} is mounted on ${source} but it is not a shared or slave mount`,
    );
    assert.equal(await refused("rprivate"), "");
    await unmount(source);
  });

  test("order: by depth, whatever came first in the request", async () => {
    const Binds = ["order-c:/x/a/b", "order-a:/x", `${folder("mid")}:/x/a`];
    const ran = await sh("grep -o ' /x[/a-b]* ' /proc/self/mountinfo", { Binds, Tmpfs: { "/x/t": "" } });
    assert.deepEqual(
      ran.stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => line.trim()),
      ["/x", "/x/a", "/x/a/b"],
    );
  });

  test("volumes: named ones stay, anonymous ones go with --rm or rm -v only", async () => {
    const before_ = volumeNames();
    const { id: passing } = await sh("echo kept >/n/f", { Binds: ["kept:/n", "/anon"], AutoRemove: true });
    await rooms.containers.wait(passing, "removed").catch((error: unknown) => assert.ok(isNotFound(error)));
    assert.equal((await sh("cat /n/f", { Binds: ["kept:/n:ro"] })).stdout, "kept\n");
    const id = await made({ Volumes: { "/anon": {} }, HostConfig: { NetworkMode: "none", Binds: ["kept:/n"] } });
    assert.equal(volumeNames().length, before_.length + 2);
    await assert.rejects(rooms.volumes.remove("kept", { force: true }), isConflict);
    await remove(id, true);
    assert.deepEqual(volumeNames(), [...before_, "kept"].sort());
    const other = await made({ Volumes: { "/anon": {} } });
    await remove(other, false);
    assert.equal(volumeNames().length, before_.length + 2);
  });

  test("volumes: read-only root and volumes that can be written", async () => {
    const ran = await sh("touch /n/ok && echo n; touch /no 2>/dev/null || echo root", {
      ReadonlyRootfs: true,
      Binds: ["kept:/n"],
    });
    assert.equal(ran.stdout, "n\nroot\n");
  });

  test("volumes: mount and unmount are told as dockerd tells them", async () => {
    const from = rooms.events.length;
    const { id } = await sh("true", { Binds: ["told:/n:ro"] });
    const told = rooms.events.slice(from).filter(({ attributes }) => attributes["driver"] === "local");
    assert.deepEqual(told, [
      { action: "create", attributes: { driver: "local" } },
      {
        action: "mount",
        attributes: { container: id, destination: "/n", driver: "local", propagation: "", "read/write": "false" },
      },
      { action: "unmount", attributes: { container: id, driver: "local" } },
    ]);
    const actions = rooms.events.slice(from).map(({ action }) => action);
    assert.ok(actions.indexOf("mount") < actions.indexOf("start"));
    assert.ok(actions.indexOf("unmount") < actions.indexOf("die"));
  });

  test("volumes: options are a mount from the first user to the last", async () => {
    const options = { type: "tmpfs", device: "tmpfs", o: "size=1m,uid=7" };
    const { Mountpoint } = await rooms.volumes.create({ name: "scratch", options });
    const start = async (): Promise<string> => {
      const id = await rooms.make({
        Cmd: ["sleep", "100"],
        HostConfig: { NetworkMode: "none", Binds: ["scratch:/s"] },
      });
      await rooms.containers.start(id);
      return id;
    };
    assert.equal(await isMountPoint(Mountpoint), false);
    const [first, second] = [await start(), await start()];
    assert.equal(await isMountPoint(Mountpoint), true);
    await remove(first);
    assert.equal(await isMountPoint(Mountpoint), true);
    await rooms.restart();
    await assert.rejects(rooms.volumes.remove("scratch", { force: false }), { message: /in use - \[\w+\]/ });
    await remove(second);
    assert.equal(await isMountPoint(Mountpoint), false);
    assert.match((await sh("df /s | grep -c ' 1024 '; stat -c %u /s", { Binds: ["scratch:/s"] })).stdout, /7\n$/);
    await rooms.volumes.create({ name: "broken", options: { type: "none", device: join(host, "nope"), o: "bind" } });
    const target = dataOf("broken");
    assert.equal(
      await outcome(sh("true", { Binds: ["broken:/s"] })),
      `error while mounting volume '${target}': failed to mount local volume: mount ${host}/nope:${target}, flags: 0x1000: no such file or directory`,
    );
  });

  test("copy-up: a new volume gets all of the image's directory, and that only once", async () => {
    const merged = await rooms.make({ Cmd: ["sleep", "100"], HostConfig: { NetworkMode: "none" } });
    await rooms.containers.start(merged);
    const { GraphDriver } = (await rooms.containers.inspect(merged)) as {
      GraphDriver: { Data: { MergedDir: string } };
    };
    const wanted = treeFacts(join(GraphDriver.Data.MergedDir, "data"));
    await made({ HostConfig: { NetworkMode: "none", Binds: ["filled:/data", "through:/lnk"] } });
    assert.deepEqual(treeFacts(dataOf("filled")), wanted);
    assert.deepEqual(treeFacts(dataOf("through")), wanted);
    const both = { HostConfig: { NetworkMode: "none", Binds: ["both:/data"] } };
    await Promise.all([made(both), made(both), made(both)]);
    assert.deepEqual(treeFacts(dataOf("both")), wanted);
    await remove(merged);
    unlinkSync(join(dataOf("filled"), "ping"));
    await made({ HostConfig: { NetworkMode: "none", Binds: ["filled:/data"] } });
    assert.equal(existsSync(join(dataOf("filled"), "ping")), false);
  });

  test("copy-up: not with nocopy, not for binds, not from outside the image, and a file is no directory", async () => {
    const Binds = ["bare:/data:nocopy", `${folder("bound")}:/lnk`, "outside:/away"];
    const id = await made({ HostConfig: { NetworkMode: "none", Binds } });
    assert.deepEqual(
      [dataOf("bare"), join(host, "bound"), dataOf("outside")].flatMap((path) => readdirSync(path)),
      [],
    );
    await remove(id);
    const before_ = volumeNames();
    await assert.rejects(made({ HostConfig: { NetworkMode: "none", Binds: ["lost:/etc/passwd"] } }), {
      message: /^source .*\/merged\/etc\/passwd is not directory$/,
    });
    await assert.rejects(made({ Volumes: { "/etc/passwd": {} } }), {
      message: /^cannot mount volume over existing file, file exists .*\/merged\/etc\/passwd$/,
    });
    assert.deepEqual(volumeNames(), before_);
  });

  test("places: an image's symlinks lead nowhere outside", async () => {
    const ran = await sh("ls /tmp/in", { Binds: [`${folder("safe")}:/away/in`, "kept:/lnk/v"] });
    assert.equal(ran.code, 0);
    assert.equal(existsSync("/tmp/in"), false);
  });

  test("subpath: a directory or a file of a volume, nothing else", async () => {
    await rooms.volumes.create({ name: "parts" });
    const root = dataOf("parts");
    mkdirSync(join(root, "a/b"), { recursive: true });
    writeFileSync(join(root, "a/b/file"), "inside");
    symlinkSync("a", join(root, "alias"));
    symlinkSync(host, join(root, "escape"));
    const at = (Subpath: string): Promise<string> =>
      outcome(
        sh("cat /p /p/file 2>/dev/null", {
          Mounts: [{ Type: "volume", Source: "parts", Target: "/p", VolumeOptions: { Subpath } }],
        }),
      );
    assert.equal(await at("a/b"), "inside");
    assert.equal(await at("a/b/file"), "inside");
    assert.equal(await at("alias/b"), "inside");
    const escapes = "path concatenation escapes the base directory, base:";
    assert.equal(await at("escape"), `${escapes} ${root}, subpath: escape`);
    assert.equal(await at("nope"), `cannot access path ${root}/nope: lstat ${root}/nope: no such file or directory`);
    assert.deepEqual(
      mountsBelow(rooms.execRoot).filter((path) => path.includes("/mounts/")),
      [],
    );
  });

  test("subpath: a race against symlinks never leaves the volume", async () => {
    await rooms.volumes.create({ name: "race" });
    const root = dataOf("race");
    mkdirSync(join(root, "good"));
    writeFileSync(join(root, "good/who"), "volume");
    writeFileSync(join(host, "who"), "host");
    symlinkSync(host, join(root, "bad"));
    const flip = (): void => {
      for (const [from, to] of [
        ["here", "spare"],
        [existsSync(join(root, "good")) ? "good" : "spare", "here"],
      ] as const) {
        if (existsSync(join(root, from))) renameSync(join(root, from), join(root, to));
      }
    };
    renameSync(join(root, "good"), join(root, "here"));
    const Mounts = [{ Type: "volume", Source: "race", Target: "/p", VolumeOptions: { Subpath: "here" } }];
    const seen = new Set<string>();
    const racing = setInterval(() => {
      flip();
      if (!existsSync(join(root, "here"))) {
        symlinkSync(host, join(root, "here"));
        unlinkSync(join(root, "here"));
        flip();
      }
    }, 0);
    try {
      for (let attempt = 0; attempt < 12; attempt += 1) seen.add(await outcome(sh("cat /p/who", { Mounts })));
    } finally {
      clearInterval(racing);
    }
    assert.ok(![...seen].some((text) => text.includes("host")), [...seen].join("\n"));
  });

  test("image mounts: another root, read-only, with or without a subpath; nothing is left", async () => {
    const Mounts = [
      { Type: "image", Source: "box", Target: "/img" },
      { Type: "image", Source: "box", Target: "/sub", ImageOptions: { Subpath: "data/sub" } },
    ];
    const ran = await sh("cat /img/data/f /sub/deep; touch /img/x 2>/dev/null || echo ro", { Mounts });
    assert.equal(ran.stdout, "hi\ndeepro\n");
    const Mounted = (await rooms.containers.inspect(ran.id))["Mounts"] as readonly Record<string, unknown>[];
    assert.deepEqual(
      Mounted.map(({ Type, Name, RW }) => ({ Type, Name, RW })),
      [
        { Type: "image", Name: "box", RW: false },
        { Type: "image", Name: "box", RW: false },
      ],
    );
    const roots = Mounted.map(({ Source }) => existsSync(String(Source)));
    await remove(ran.id);
    assert.deepEqual(
      [roots, Mounted.map(({ Source }) => existsSync(String(Source)))],
      [
        [true, true],
        [false, false],
      ],
    );
  });

  test("tmpfs: of both kinds, with Docker's defaults", async () => {
    const ran = await sh("grep -E ' /(t|m) ' /proc/self/mountinfo; stat -c %a /t /m", {
      Tmpfs: { "/t": "size=1m,exec,mode=700" },
      Mounts: [{ Type: "tmpfs", Target: "/m", TmpfsOptions: { SizeBytes: 2 << 20 }, ReadOnly: true }],
    });
    assert.match(ran.stdout, / \/t rw,nosuid,nodev,relatime - tmpfs tmpfs rw,size=1024k,mode=700/);
    assert.match(ran.stdout, / \/m ro,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,size=2048k/);
    assert.match(ran.stdout, /\n700\n1777\n$/);
    assert.equal(await outcome(sh("true", { Tmpfs: { "/t": "foo" } })), 'invalid tmpfs option "foo"');
  });

  test("volumes-from: all mounts of another, read-only if asked; anonymous ones go with the last that asks", async () => {
    const source = await rooms.make(
      { Volumes: { "/anon": {} }, HostConfig: { NetworkMode: "none", Binds: ["kept:/n", `${folder("vf")}:/b:ro`] } },
      "source",
    );
    const ran = await sh("echo x >/anon/f; touch /b/f 2>/dev/null || echo ro; cat /n/f", { VolumesFrom: ["source"] });
    assert.equal(ran.stdout, "ro\nkept\n");
    const again = await sh("cat /anon/f; touch /anon/g 2>/dev/null || echo ro", { VolumesFrom: [`${source}:ro`] });
    assert.equal(again.stdout, "x\nro\n");
    const before_ = volumeNames();
    await remove(source, true);
    await remove(again.id, true);
    assert.deepEqual(volumeNames(), before_);
    await remove(ran.id, true);
    assert.equal(volumeNames().length, before_.length - 1);
    await assert.rejects(made({ HostConfig: { NetworkMode: "none", VolumesFrom: ["source"] } }), {
      category: "invalid_argument",
      message: "No such container: source",
    });
  });

  test("fixed mounts: what the user mounts takes their place", async () => {
    writeFileSync(join(host, "hosts"), "10.0.0.1 mine\n");
    const Binds = [`${host}/hosts:/etc/hosts:ro`, "shm:/dev/shm"];
    const ran = await sh("cat /etc/hosts; grep -c ' /dev/shm ' /proc/self/mountinfo", { Binds });
    assert.equal(ran.stdout, "10.0.0.1 mine\n1\n");
  });

  test("places: nothing is mounted over /proc or into it, by whatever name", async () => {
    const at = (place: string, source = "kept"): Promise<string> =>
      outcome(sh("head -c 4 /proc/uptime", { Binds: [`${source}:${place}`] }));
    for (const place of ["/proc", "/kernel"]) {
      assert.match(await at(place), /\/merged\/proc" cannot be mounted because it is not of type proc: unknown$/);
    }
    for (const place of ["/proc/version", "/kernel/new", "/proc/sys"]) {
      assert.match(await at(place), /cannot be mounted because it is inside \/proc: unknown$/);
    }
    writeFileSync(join(host, "up"), "fake");
    assert.equal(await at("/proc/uptime", join(host, "up")), "fake");
    assert.match(await at("/proc", "/proc"), /^\d/);
  });

  test("inspect and list: mounts as dockerd shows them", async () => {
    const id = await made({
      Volumes: { "/v": {} },
      HostConfig: {
        NetworkMode: "none",
        Binds: ["kept:/n", `${folder("vf")}:/b:ro`],
        Mounts: [{ Type: "tmpfs", Target: "/t" }],
      },
    });
    const Mounts = (await rooms.containers.inspect(id))["Mounts"] as readonly Record<string, unknown>[];
    const anonymous = Mounts.find(({ Destination }) => Destination === "/v");
    assert.deepEqual(Mounts, [
      {
        Type: "volume",
        Name: "kept",
        Source: dataOf("kept"),
        Destination: "/n",
        Driver: "local",
        Mode: "z",
        RW: true,
        Propagation: "",
      },
      { Type: "bind", Source: join(host, "vf"), Destination: "/b", Mode: "ro", RW: false, Propagation: "rprivate" },
      { Type: "tmpfs", Source: "", Destination: "/t", Mode: "", RW: true, Propagation: "" },
      {
        Type: "volume",
        Name: anonymous?.["Name"],
        Source: dataOf(String(anonymous?.["Name"])),
        Destination: "/v",
        Driver: "local",
        Mode: "",
        RW: true,
        Propagation: "",
      },
    ]);
    const found = async (volume: string): Promise<readonly unknown[]> =>
      (await rooms.containers.list({ all: true, filters: new Map([["volume", [volume]]]) })).map((row) => row["Id"]);
    assert.ok((await found("kept")).includes(id));
    assert.deepEqual(await found("/t"), [id]);
    assert.deepEqual(await found("nope"), []);
    await remove(id, true);
  });
});
