/** Volumes and mounts through the real docker command and through ours, and what a killed daemon leaves of them. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { mountsBelow, startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { runBoth } from "./support/parity.ts";
import { busyboxRootfs, directory, file } from "./support/rootfs.ts";

const NONE = ["run", "--rm", "--network", "none"];
const namesIn = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);
const HEX = /[0-9a-f]{64}/g;

async function importBox(daemon: TestDaemon): Promise<void> {
  const extra = [directory("data/", 0o750), file("data/seed", "seed")];
  await daemon.mustDocker(["import", "-c", "VOLUME /data", "-c", 'CMD ["sh"]', "-", "box:1"], {
    input: await busyboxRootfs(extra),
  });
}

describe("volumes", () => {
  let daemon: TestDaemon;

  before(async () => {
    daemon = await startDaemon();
    await importBox(daemon);
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  const names = async (...filter: readonly string[]): Promise<readonly string[]> =>
    (await daemon.mustDocker(["volume", "ls", "-q", ...filter])).split("\n").filter((name) => name !== "");

  test("cp sees the volumes of a container that does not run: those with options, and places within them", async () => {
    const host = await mkdtemp(join(tmpdir(), "varve-cp-volumes-"));
    const call = (...args: readonly string[]): Promise<string> => daemon.mustDocker(args);
    try {
      await writeFile(join(host, "there"), "there\n");
      await call("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", `device=${host}`, "bound");
      await call("volume", "create", "parted");
      await call(...NONE, "-v", "parted:/v", "box:1", "sh", "-c", "mkdir /v/sub; echo s > /v/sub/x");
      const within = ["--mount", "type=volume,src=parted,dst=/sub,volume-subpath=sub"];
      await call("create", "--name", "still", "--network", "none", "-v", "bound:/bound", ...within, "box:1", "true");
      for (const [path, text] of [
        ["/bound/there", "there\n"],
        ["/sub/x", "s\n"],
      ] as const) {
        await call("cp", `still:${path}`, join(host, "copy"));
        assert.equal(await readFile(join(host, "copy"), "utf8"), text);
      }
      await call("cp", join(host, "there"), "still:/bound/new");
      assert.equal(await readFile(join(host, "new"), "utf8"), "there\n");
      await call("cp", join(host, "there"), "still:/sub/new");
      assert.equal(await call(...NONE, "-v", "parted:/v", "box:1", "cat", "/v/sub/new"), "there\n");
      await call("rm", "-v", "still");
      await call("volume", "rm", "bound", "parted");
      assert.deepEqual(namesIn(join(daemon.execRoot, "mounts")), []);
    } finally {
      await rm(host, { recursive: true });
    }
  });

  for (const client of ["docker", "varve"] as const) {
    test(`life of a volume through ${client}`, async () => {
      const call = (...args: readonly string[]): ReturnType<TestDaemon["docker"]> => daemon[client](args);
      assert.equal((await call("volume", "create", "--label", "a=b", "life")).stdout, "life\n");
      assert.deepEqual(await call(...NONE, "-v", "life:/v", "box:1", "sh", "-c", "echo kept >/v/f"), {
        code: 0,
        stdout: "",
        stderr: "",
      });
      assert.equal((await call(...NONE, "-v", "life:/v:ro", "box:1", "cat", "/v/f")).stdout, "kept\n");
      const id = (await call("create", "--name", "holder", "-v", "life:/v", "box:1", "true")).stdout.trim();
      const refused = await call("volume", "rm", "life");
      assert.deepEqual(
        [refused.code, refused.stderr],
        [1, `Error response from daemon: remove life: volume is in use - [${id}]\n`],
      );
      assert.equal((await call("ps", "-a", "--filter", "volume=life", "--format", "{{.Names}}")).stdout, "holder\n");
      assert.match((await call("ps", "-a", "--no-trunc", "--format", "{{.Mounts}}")).stdout, /^(life,)?[0-9a-f]{64}/);
      assert.equal((await call("rm", "-v", "holder")).code, 0);
      assert.deepEqual(await names(), ["life"]);
      assert.equal((await call("volume", "rm", "life")).stdout, "life\n");
    });

    test(`every kind of --mount through ${client}`, async () => {
      const script =
        "cat /data/seed; cat /img/data/seed; cat /sub; grep -c ' /t ' /proc/self/mountinfo; touch /b/x || echo ro";
      const ran = await daemon[client]([
        ...NONE,
        "--mount",
        "type=volume,src=filled,dst=/data",
        "--mount",
        "type=volume,src=filled,dst=/sub,volume-subpath=seed,volume-nocopy",
        "--mount",
        "type=image,src=box:1,dst=/img",
        "--mount",
        "type=tmpfs,dst=/t,tmpfs-size=1m",
        "--mount",
        `type=bind,src=${daemon.dataRoot},dst=/b,ro`,
        "box:1",
        "sh",
        "-c",
        script,
      ]);
      assert.equal(ran.stdout, "seedseedseed1\nro\n");
      await daemon.mustDocker(["volume", "rm", "filled"]);
      const missing = await daemon[client]([...NONE, "--mount", "type=bind,src=/nope,dst=/x", "box:1", "true"]);
      assert.equal(missing.code, 125);
      assert.match(
        missing.stderr,
        /Error response from daemon: invalid mount config for type "bind": bind source path does not exist: \/nope/,
      );
    });
  }

  test("both commands answer the same, right or wrong", async () => {
    await daemon.mustDocker(["volume", "create", "--label", "k=v", "-o", "type=tmpfs", "-o", "device=tmpfs", "opts"]);
    await daemon.mustDocker(["volume", "create", "plain"]);
    const commands = [
      ["volume", "ls"],
      ["volume", "ls", "-q", "--filter", "dangling=true"],
      ["volume", "ls", "--format", "json"],
      ["volume", "ls", "--format", 'table {{.Name}}\t{{.Mountpoint}}\t{{.Label "k"}}'],
      ["volume", "ls", "--filter", "dangling=maybe"],
      ["volume", "inspect", "opts", "nope", "plain"],
      ["volume", "inspect", "-f", "{{.Options}} {{.Labels}} {{.Scope}}", "opts"],
      ["inspect", "--type", "volume", "plain"],
      ["volume", "create", "x"],
      ["volume", "create", "-o", "foo=bar", "xx"],
      ["volume", "create", "-d", "nope", "xx"],
      ["volume", "create", "-o", "size=1g", "xx"],
      ["volume", "create", "../xx"],
      ["volume", "rm", "nope"],
      ["volume", "rm", "-f", "nope"],
      ["volume", "prune", "-f", "--filter", "label=none"],
    ];
    for (const args of commands) {
      const { docker, varve } = await runBoth(daemon.socket, args);
      assert.deepEqual(varve, docker, args.join(" "));
    }
  });

  test("cp: reads from and writes into volumes of a container that never ran", async () => {
    await daemon.mustDocker(["create", "--name", "copied", "-v", "cp:/v", "box:1", "true"]);
    await daemon.mustDocker(["cp", "-", "copied:/v"], { input: await busyboxRootfs() });
    assert.ok((await daemon.mustDocker([...NONE, "-v", "cp:/v", "box:1", "ls", "/v"])).includes("etc"));
    assert.ok((await daemon.mustDocker(["cp", "copied:/data/seed", "-"])).includes("seed"));
    await daemon.mustDocker(["rm", "-v", "copied"]);
  });

  test("system df: volumes with sizes and users", async () => {
    await daemon.mustDocker([
      "run",
      "--name",
      "writer",
      "--network",
      "none",
      "-v",
      "sized:/v",
      "box:1",
      "dd",
      "if=/dev/zero",
      "of=/v/f",
      "bs=1000",
      "count=50",
    ]);
    const { body } = await daemon.api("GET", "/v1.45/system/df?type=volume");
    const rows = Reflect.get(Object(body), "Volumes") as readonly { Name: string; UsageData: object }[];
    assert.deepEqual(rows.find(({ Name }) => Name === "sized")?.UsageData, { RefCount: 1, Size: 50_000 });
    assert.equal(
      rows.some(({ Name }) => Name === "opts"),
      false,
    );
    assert.match(await daemon.mustDocker(["system", "df", "-v"]), /^sized +1 +50kB$/m);
    await daemon.mustDocker(["rm", "-v", "writer"]);
  });

  test("prune: anonymous ones, all of them for old clients or with -a", async () => {
    await daemon.mustDocker(["volume", "create"]);
    const pruned = await daemon.mustDocker(["volume", "prune", "-f"]);
    assert.match(pruned.replaceAll(HEX, "HEX"), /^Deleted Volumes:\nHEX\n\nTotal reclaimed space: 0B\n$/);
    assert.ok((await names()).includes("plain"));
    const { body } = await daemon.api("POST", "/v1.41/volumes/prune");
    assert.ok((Reflect.get(Object(body), "VolumesDeleted") as readonly string[]).includes("plain"));
    // What has options is somebody's, as for dockerd.
    assert.deepEqual(await names(), ["opts"]);
  });
});

test("a daemon killed during creations leaves whole containers, and no volume of others", async () => {
  await using daemon = await startDaemon();
  await importBox(daemon);
  const body = { Image: "box:1", HostConfig: { NetworkMode: "none", Binds: ["/anon", "named:/data"] } };
  for (const delay of [2, 5, 9, 14, 20, 30]) {
    const asked = Array.from({ length: 4 }, () =>
      daemon.api("POST", "/v1.45/containers/create", body).catch(() => undefined),
    );
    await sleep(delay);
    await daemon.kill();
    await Promise.all(asked);
    await daemon.start();
    const { body: list } = await daemon.api("GET", "/v1.45/containers/json?all=1");
    const rows = list as readonly { readonly Id: string; readonly Mounts: readonly { readonly Name?: string }[] }[];
    const used = new Set(rows.flatMap(({ Mounts }) => Mounts.map(({ Name }) => Name ?? "")));
    const listed = (await daemon.mustDocker(["volume", "ls", "-q"])).split("\n").filter(Boolean);
    assert.deepEqual(
      listed.filter((name) => !used.has(name)),
      [],
    );
    assert.deepEqual(new Set(namesIn(join(daemon.dataRoot, "volumes"))), new Set(listed));
    for (const { Id } of rows) {
      assert.equal((await daemon.docker(["start", "-a", Id])).code, 0);
      await daemon.mustDocker(["rm", "-v", Id]);
    }
    await daemon.docker(["volume", "rm", "named"]);
  }
  assert.deepEqual(namesIn(join(daemon.dataRoot, "containers")), []);
  assert.deepEqual(mountsBelow(daemon.execRoot), []);
});
