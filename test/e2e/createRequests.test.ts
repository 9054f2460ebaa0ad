/**
 * `varve create` and `docker create` on the same command lines: the requests must be equal, and so must what they print
 * when they refuse one. The engine is a recorder that answers every request with an error.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { BAD_LINES, GOOD_LINES } from "./support/createLines.ts";
import { ROOT } from "./support/daemon.ts";
import { dockerMajor } from "./support/parity.ts";
import { run } from "./support/process.ts";
import type { Ran } from "./support/process.ts";
import { startRecorder } from "./support/recorder.ts";
import type { Recorded, Recorder } from "./support/recorder.ts";

/** The docker command line whose requests ours are. */
const MAJOR = 28;
const API_VERSION = "1.45";
const FILES: Readonly<Record<string, string>> = {
  env: "\uFEFF# comment\n\nA=file\n  B=two words \nVARVE_PARITY_SET\nVARVE_PARITY_UNSET\nC=\n",
  labels: "from=file\nbare\nempty=\n",
  seccomp: '{ "defaultAction" : "SCMP_ACT_ALLOW",\n  "syscalls": [ ], "comment": "a \\" b" }\n',
  spaces: "a b=c\n",
  noname: "=c\n",
};

/** What a map of Go sends in any order. */
function settled(requests: readonly Recorded[]): unknown {
  return requests.map((request) => {
    const { body } = request;
    if (typeof body !== "object" || body === null) return request;
    const { HostConfig, Env, ...rest } = body as { HostConfig?: { Binds?: string[] | null }; Env?: string[] | null };
    return {
      ...request,
      body: {
        ...rest,
        Env: Env?.toSorted() ?? Env,
        HostConfig: { ...HostConfig, Binds: HostConfig?.Binds?.toSorted() ?? HostConfig?.Binds },
      },
    };
  });
}

const nameless = (ran: Ran, program: string): Ran => ({
  code: ran.code,
  stdout: ran.stdout.replaceAll(program, "PROGRAM"),
  stderr: ran.stderr.replaceAll(program, "PROGRAM"),
});

describe("create: the request is docker's", () => {
  let recorder: Recorder | undefined;
  let folder = "";
  let major = 0;

  before(async () => {
    major = await dockerMajor().catch(() => 0);
    folder = await mkdtemp(join(tmpdir(), "create-lines-"));
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
    recorder = await startRecorder(API_VERSION);
  });

  after(async () => {
    await recorder?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const words = (line: string): string[] =>
    line
      .split(" ")
      .filter((word) => word !== "")
      .map((word) => word.replaceAll("%20", " ").replace("FILE:", `${folder}/`));

  const record = async (
    program: string,
    args: readonly string[],
  ): Promise<{ readonly requests: unknown; readonly ran: Ran }> => {
    assert.ok(recorder !== undefined);
    const host = `unix://${recorder.socket}`;
    const env = {
      DOCKER_HOST: host,
      VARVE_HOST: host,
      DOCKER_CONFIG: folder,
      VARVE_PARITY_SET: "set by us",
      NO_COLOR: "1",
    };
    const file = program === "varve" ? join(ROOT, "bin/varve") : program;
    const ran = nameless(await run(file, args, { env, cwd: folder }), program);
    return { requests: settled(recorder.take()), ran };
  };

  const compare = async (args: readonly string[]): Promise<void> => {
    const theirs = await record("docker", args);
    const ours = await record("varve", args);
    assert.deepEqual(ours, theirs);
  };

  for (const [lines, about] of [
    [GOOD_LINES, "request"],
    [BAD_LINES, "refusal"],
  ] as const) {
    for (const line of lines) {
      test(`${about} of create ${line}`, async (context) => {
        if (major !== MAJOR) context.skip(`needs the docker command line ${MAJOR}, ${major || "none"} here`);
        else await compare(["create", ...words(line), "img", "cmd", "-x"]);
      });
    }
  }

  for (const line of ["-d", "-d -it", "-d -a stdout", "-dit --rm", "-i -a stdin", "--network foo --ip x"]) {
    test(`request of run ${line}`, async (context) => {
      if (major !== MAJOR) context.skip(`needs the docker command line ${MAJOR}, ${major || "none"} here`);
      else await compare(["run", ...words(line), "img"]);
    });
  }
});
