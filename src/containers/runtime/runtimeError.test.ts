import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startFailure } from "./runtimeError.ts";

const PREFIX =
  "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ";

const CASES: readonly (readonly [said: string, program: string, text: string, code: number])[] = [
  [
    "executable file `/nope` not found in $PATH: No such file or directory\n",
    "/nope",
    'exec: "/nope": stat /nope: no such file or directory: unknown',
    127,
  ],
  [
    "executable file `nope` not found: No such file",
    "nope",
    'exec: "nope": executable file not found in $PATH: unknown',
    127,
  ],
  ["open executable: Permission denied", "/etc/passwd", 'exec: "/etc/passwd": permission denied: unknown', 126],
  ["open executable: Operation not permitted", "/etc/passwd", 'exec: "/etc/passwd": permission denied: unknown', 126],
  [
    "the path `/etc` is not a regular file: Operation not permitted",
    "/etc",
    'exec: "/etc": is a directory: unknown: permission denied',
    126,
  ],
  ["open executable: Operation not permitted", "/etc", 'exec: "/etc": is a directory: unknown: permission denied', 126],
  [
    'runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH',
    "nope",
    'exec: "nope": executable file not found in $PATH: unknown',
    127,
  ],
  ["cgroup: something else", "sh", "cgroup: something else: unknown", 128],
];

for (const [said, program, text, code] of CASES) {
  test(`start failure: ${text}`, () => {
    const { error, exitCode } = startFailure(said, "/nonexistent", {
      program,
      isDirectory: () => program === "/etc",
      rootfs: "/nonexistent",
      mounts: [],
    });
    assert.equal(error.message, PREFIX + text);
    assert.equal(exitCode, code);
  });
}

test("start failure: the runtime's log tells more than conmon passed on", async () => {
  const folder = await mkdtemp(join(tmpdir(), "varve-runtime-"));
  try {
    const log = join(folder, "log");
    await writeFile(
      log,
      '{"msg":"first","level":"error"}\n{"msg":"open executable: Permission denied","level":"error"}\n',
    );
    assert.equal(
      startFailure("", log, { program: "/x", isDirectory: () => false, rootfs: folder, mounts: [] }).exitCode,
      126,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
