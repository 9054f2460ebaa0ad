import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { OciMount } from "../spec/ociSpec.ts";
import { mountFailure } from "./mountFailure.ts";

let rootfs: string;

before(async () => {
  rootfs = await mkdtemp(join(tmpdir(), "varve-mount-failure-"));
  await mkdir(join(rootfs, "etc"));
  await writeFile(join(rootfs, "etc/passwd"), "");
});
after(() => rm(rootfs, { recursive: true }));

const WRONG_KIND =
  "Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type";
const tmpfs = (destination: string, ...options: string[]): OciMount => ({
  destination,
  type: "tmpfs",
  source: "tmpfs",
  options: ["nosuid", "nodev", "noexec", "rprivate", ...options],
});
const bind = (source: string, destination: string, ...options: string[]): OciMount => ({
  destination,
  type: "bind",
  source,
  options: ["rbind", ...options, "rprivate"],
});

const fail = (said: string, ...mounts: OciMount[]): ReturnType<typeof mountFailure> =>
  mountFailure(said, { rootfs, mounts });

test("mount failure: a tmpfs with an option that the kernel does not take", () => {
  assert.deepEqual(fail("mount `tmpfs` to `t`: Invalid argument", tmpfs("/t", "ro", "mode=0755", "size=x")), {
    text: 'error during container init: error mounting "tmpfs" to rootfs at "/t": mount tmpfs:/t (via /proc/self/fd/6), flags: 0xe, data: mode=0755,size=x: invalid argument: unknown',
    exitCode: 128,
  });
});

test("mount failure: a file over a directory", () => {
  assert.deepEqual(fail("mount `/etc/hostname` to `etc`: Not a directory", bind("/etc/hostname", "/etc")), {
    text: `error during container init: error mounting "/etc/hostname" to rootfs at "/etc": mount /etc/hostname:/etc (via /proc/self/fd/6), flags: 0x5000: not a directory: unknown: ${WRONG_KIND}`,
    exitCode: 127,
  });
});

test("mount failure: a directory over a file, and below one", () => {
  for (const [said, target] of [
    ["mount `/tmp` to `etc/passwd`: Not a directory", "/etc/passwd"],
    ["mkdir `/etc/passwd/x/y`: Not a directory", "/etc/passwd/x/y"],
  ] as const) {
    assert.deepEqual(fail(said, bind("/tmp", target)), {
      text: `error during container init: error mounting "/tmp" to rootfs at "${target}": create mount destination for ${target} mount: cannot mkdir in ${rootfs}/etc/passwd: not a directory: unknown: ${WRONG_KIND}`,
      exitCode: 127,
    });
  }
});

test("mount failure: of what is in no list, and other words", () => {
  assert.match(fail("mount `x` to `y`: No such file or directory")?.text ?? "", /mount x:\/y: no such file/);
  assert.equal(fail("mkdir `/etc/passwd`: Not a directory"), undefined);
  assert.equal(fail("exec failed"), undefined);
});
