import assert from "node:assert/strict";
import { test } from "node:test";
import { execFailure } from "./execError.ts";

const PREFIX = "OCI runtime exec failed: exec failed: unable to start container process: ";
const KIND =
  ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type";

/** What crun 1.8.1, crun 1.21 and runc 1.1 say, and what dockerd 26.1.5 says then. */
for (const [said, program, words] of [
  [
    "executable file `nope` not found in $PATH: No such file or directory",
    "nope",
    'exec: "nope": executable file not found in $PATH: unknown',
  ],
  [
    "executable file `/nope` not found: No such file or directory",
    "/nope",
    'exec: "/nope": stat /nope: no such file or directory: unknown',
  ],
  [
    'exec failed: unable to start container process: exec: "nope": executable file not found in $PATH',
    "nope",
    'exec: "nope": executable file not found in $PATH: unknown',
  ],
  ["open executable: Operation not permitted", "/etc", 'exec: "/etc": is a directory: unknown: permission denied'],
  ["open executable: Permission denied", "/etc/passwd", 'exec: "/etc/passwd": permission denied: unknown'],
  ["open executable: Operation not permitted", "", 'exec: "": executable file not found in $PATH: unknown'],
  ["exec: Exec format error", "/text", "exec /text: exec format error: unknown"],
  [
    "chdir `/cwd`: No such file or directory",
    "true",
    'chdir to cwd ("/cwd") set in config.json failed: no such file or directory: unknown',
  ],
  [
    "chdir `/cwd`: Not a directory",
    "true",
    `chdir to cwd ("/cwd") set in config.json failed: not a directory: unknown${KIND}`,
  ],
  [
    'exec failed: unable to start container process: chdir to cwd ("/cwd") set in config.json failed: permission denied',
    "true",
    'chdir to cwd ("/cwd") set in config.json failed: permission denied: unknown',
  ],
  ["something new", "true", "something new: unknown"],
] as const) {
  test(`exec error: ${said}`, () => {
    const refused = { program, workingDir: "/cwd", isDirectory: () => program === "/etc" };
    assert.equal(execFailure(said, refused).message, PREFIX + words);
  });
}
