import assert from "node:assert/strict";
import { test } from "node:test";
import type { MountRequest } from "../request/mountRequest.ts";
import type { MountPoint } from "./mountPoint.ts";
import { planMounts } from "./planMounts.ts";
import type { MountWishes } from "./planMounts.ts";

interface Wishes extends Partial<MountWishes["hostConfig"]> {
  readonly declared?: readonly string[];
  readonly others?: Readonly<Record<string, readonly MountPoint[]>>;
}

async function plan({ declared = [], others = {}, ...hostConfig }: Wishes): Promise<readonly MountPoint[]> {
  const plans = await planMounts({
    hostConfig: { Binds: null, Mounts: [], VolumesFrom: null, VolumeDriver: "", Tmpfs: {}, ...hostConfig },
    declared,
    dataRoot: "/data/varve",
    mountsOf: (name) => others[name] ?? [],
  });
  return plans.map(({ point }) => point);
}

const shown = (points: readonly MountPoint[]): readonly string[] =>
  points.map(({ type, name, source, destination, mode, writable }) =>
    [type, name ?? source, destination, mode, writable ? "rw" : "ro"].join(" "),
  );

const mount = (Type: string, Target: string, more: Partial<MountRequest> = {}): MountRequest => ({
  Type,
  Target,
  ...more,
});

test("mounts: binds, mounts and declared volumes, each place once", async () => {
  const points = await plan({
    Binds: ["vv:/n", "/tmp/:/b/:ro"],
    Mounts: [mount("tmpfs", "/t"), mount("volume", "/m", { Source: "mm", ReadOnly: true })],
    Tmpfs: { "/run": "" },
    declared: ["/n", "/v/", "/run", "rel"],
  });
  assert.deepEqual(shown(points), [
    "volume vv /n z rw",
    "bind /tmp /b ro ro",
    "tmpfs  /t  rw",
    "volume mm /m z ro",
    "volume  /v  rw",
    "volume  rel  rw",
  ]);
});

test("mounts: those of other containers come first and give way", async () => {
  const [own] = await plan({ Binds: ["vv:/n"] });
  const [bind] = await plan({ Binds: ["/tmp:/b"] });
  assert.ok(own !== undefined && bind !== undefined);
  const others = { c: [own, bind] };
  assert.deepEqual(shown(await plan({ VolumesFrom: ["c"], others })), ["volume vv /n  rw", "bind /tmp /b  rw"]);
  assert.deepEqual(shown(await plan({ VolumesFrom: ["c:ro,z"], others })), ["volume vv /n  ro", "bind /tmp /b  ro"]);
  const mixed = { VolumesFrom: ["c"], Binds: ["/usr:/b"], Mounts: [mount("tmpfs", "/n")], others };
  assert.deepEqual(shown(await plan(mixed)), ["tmpfs  /n  rw", "bind /usr /b  rw"]);
  const [copied] = await plan({ VolumesFrom: ["c"], others });
  assert.equal(copied?.copy, undefined);
});

const REFUSED: readonly (readonly [Wishes, string])[] = [
  [{ Binds: ["/tmp:/x", "/usr:/x"] }, "Duplicate mount point: /x"],
  [{ Binds: ["/tmp:/x"], Mounts: [mount("bind", "/x/", { Source: "/tmp" })] }, "Duplicate mount point: /x/"],
  [{ Binds: ["/tmp:/x"], Tmpfs: { "/x": "" } }, "Duplicate mount point: /x"],
  [{ VolumesFrom: [""] }, "volumes-from specification cannot be an empty string"],
  [{ VolumesFrom: ["a:bad"] }, "invalid mode: bad"],
  [{ VolumesFrom: ["a:ro:x"] }, "invalid mode: ro:x"],
  [{ VolumesFrom: ["a:rshared"] }, "invalid mode: rshared"],
  [
    { Mounts: [mount("bind", "/x", { Source: "/nope" })] },
    'invalid mount config for type "bind": bind source path does not exist: /nope',
  ],
  [
    { Mounts: [mount("bind", "/x", { Source: "tmp" })] },
    `invalid mount config for type "bind": invalid mount path: 'tmp' mount path must be absolute`,
  ],
  [{ Mounts: [mount("bind", "/x")] }, 'invalid mount config for type "bind": field Source must not be empty'],
  [
    { Mounts: [mount("bind", "/x", { Source: "/tmp", BindOptions: { Propagation: "bad" } })] },
    'invalid mount config for type "bind": invalid propagation mode: bad',
  ],
  [
    { Mounts: [mount("volume", "/x", { ReadOnly: true })] },
    'invalid mount config for type "volume": must not set ReadOnly mode when using anonymous volumes',
  ],
  [
    { Mounts: [mount("volume", "/x", { VolumeOptions: { Subpath: "a" } })] },
    'invalid mount config for type "volume": must not set Subpath when using anonymous volumes',
  ],
  ...["/a", "../b", "a/../../b", "a/../.."].map((Subpath): readonly [Wishes, string] => [
    { Mounts: [mount("volume", "/x", { Source: "vv", VolumeOptions: { Subpath } })] },
    'invalid mount config for type "volume": subpath must be a relative path within the volume',
  ]),
  [
    { Mounts: [mount("tmpfs", "/x", { Source: "a" })] },
    'invalid mount config for type "tmpfs": field Source must not be specified',
  ],
  [
    { Mounts: [mount("tmpfs", "/")] },
    `invalid mount config for type "tmpfs": invalid specification: destination can't be '/'`,
  ],
  ...["npipe", "cluster", "foo", ""].map((type): readonly [Wishes, string] => [
    { Mounts: [mount(type, "/x", { Source: "a" })] },
    `invalid mount config for type "${type}": mount type unknown`,
  ]),
];
for (const [wishes, message] of REFUSED) {
  test(`mounts: ${message}`, async () => {
    await assert.rejects(plan(wishes), { category: "invalid_argument", message });
  });
}

test("mounts: what is above or below the data root follows the host's unmounts", async () => {
  const spread = async (source: string, more: object = {}): Promise<string | undefined> =>
    (
      await plan({
        Mounts: [mount("bind", "/x", { Source: source, BindOptions: { CreateMountpoint: true, ...more } })],
      })
    )[0]?.propagation;
  assert.equal(await spread("/"), "rslave");
  assert.equal(await spread("/data"), "rslave");
  assert.equal(await spread("/data/varve/volumes"), "rslave");
  assert.equal(await spread("/data/varve2"), "rprivate");
  assert.equal(await spread("/data", { Propagation: "rshared" }), "rshared");
  await assert.rejects(spread("/data", { Propagation: "rprivate" }), {
    message:
      'invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within the daemon root, daemon root: "/data/varve", bind mount source: "/data", propagation: "rprivate"',
  });
});
