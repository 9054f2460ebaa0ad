import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseFlags } from "../core/parseFlags.ts";
import { CONTAINER_FLAGS, createBody, streamsOf } from "./containerFlags.ts";
import type { ContainerFlagValues } from "./containerFlags.ts";

function bodyOf(...line: readonly string[]): Readonly<Record<string, unknown>> {
  const { values, given, rest: args } = parseFlags(line, CONTAINER_FLAGS, { interspersed: false });
  const flags = values as ContainerFlagValues;
  return createBody({ flags, given, args }, streamsOf(flags), "run");
}

test("run flags: become the body that Docker's client sends", () => {
  const body = bodyOf(
    "--rm",
    "-it",
    "-w",
    "/w",
    "-u",
    "1:2",
    "-h",
    "box",
    "-l",
    "a=b",
    "-l",
    "c",
    "--network",
    "none",
    "img",
    "sh",
    "-c",
    "x",
  );
  assert.deepEqual(
    { ...body },
    {
      Hostname: "box",
      User: "1:2",
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: true,
      OpenStdin: true,
      StdinOnce: true,
      Env: [],
      Cmd: ["sh", "-c", "x"],
      Image: "img",
      WorkingDir: "/w",
      Entrypoint: null,
      Labels: { a: "b", c: "" },
      HostConfig: { AutoRemove: true, NetworkMode: "none" },
    },
  );
});

test("run flags: an empty entrypoint resets the image's, none leaves it", () => {
  assert.deepEqual(bodyOf("--entrypoint", "", "img")["Entrypoint"], [""]);
  assert.deepEqual(bodyOf("--entrypoint=/bin/id", "img")["Entrypoint"], ["/bin/id"]);
  assert.deepEqual([bodyOf("img")["Entrypoint"], bodyOf("img")["Cmd"]], [null, null]);
});

test("run flags: -a alone says what is attached", () => {
  const body = bodyOf("-a", "STDOUT", "-i", "img");
  assert.deepEqual(
    [body["AttachStdin"], body["AttachStdout"], body["AttachStderr"], body["StdinOnce"]],
    [false, true, false, false],
  );
});

test("run flags: env files first, comments and empty lines left out, bare names take our value", () => {
  const folder = mkdtempSync(join(tmpdir(), "varve-env-"));
  try {
    const file = join(folder, "env");
    process.env["VARVE_TEST_OWN"] = "mine";
    writeFileSync(file, "\uFEFF# note\n\n A=1 # kept\nVARVE_TEST_OWN\nVARVE_TEST_ABSENT\nB=\n");
    const { Env } = bodyOf("-e", "A=2", "--env-file", file, "-e", "VARVE_TEST_OWN", "img");
    assert.deepEqual(Env, ["A=1 # kept", "VARVE_TEST_OWN=mine", "B=", "A=2", "VARVE_TEST_OWN=mine"]);
    writeFileSync(file, "A B=1\n");
    assert.throws(() => bodyOf("--env-file", file, "img"), {
      message: `varve: invalid env file (${file}): variable 'A B' contains whitespaces\n\nRun 'varve run --help' for more information`,
      exitCode: 125,
    });
  } finally {
    delete process.env["VARVE_TEST_OWN"];
    rmSync(folder, { recursive: true });
  }
});
