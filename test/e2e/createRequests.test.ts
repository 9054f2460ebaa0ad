/**
 * `varve create` and `docker create` (and what else sends something) on the same command lines: the requests must be
 * equal, and so must what they print when they refuse one. The engine is a recorder that answers with an error but where a
 * command would not go on.
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
import type { Answer, Recorded, Recorder } from "./support/recorder.ts";

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

/** Enough for commands that ask about a container first. */
const answer: Answer = ({ method, path }) => {
  if (method === "GET" && path === "/containers/x/json") {
    return { status: 200, body: { Id: "x", Config: { Tty: false }, HostConfig: {}, State: { Running: true } } };
  }
  return method === "POST" && path === "/containers/x/exec" ? { status: 201, body: { Id: "e" } } : undefined;
};

const OTHER_LINES: readonly string[] = [
  "run -d img",
  "run -d -it img",
  "run -d -a stdout img",
  "run -dit --rm img",
  "run -i -a stdin img",
  "run --network foo --ip x img",
  "exec x ls -la",
  "exec -t x ls",
  "exec -d -t x ls",
  "exec -i -e A=1 -e VARVE_PARITY_SET -w /x -u 3:4 --privileged x sh -c y",
  "exec -d --env-file FILE:env -e A=over x ls",
  "exec --detach-keys ctrl-a x ls",
  "update -m 512m --memory-swap -1 --cpus 1.5 x",
  "update --restart on-failure:2 --pids-limit 9 -c 5 --cpuset-cpus 0 x y",
  "update --blkio-weight 100 --cpu-period 1 --cpu-quota 2 --cpu-rt-period 3 --cpu-rt-runtime 4 x",
  "update --kernel-memory 5m --memory-reservation 1g --cpuset-mems 0 x",
  "commit -a me -m hello -c CMD%20x -c ENV%20a=b x foo/bar:1",
  "commit -p=false x",
  "commit x 127.0.0.1:5000/a",
  "restart -t 5 -s TERM x y",
  "stop x",
  "stop -t -1 x",
  "kill x",
  "kill -s 9 x",
  "pause x",
  "unpause x",
  "rename x y",
  "wait x y",
  "rm -f -v -l x",
  "top x",
  "top x -eo pid,comm",
  "diff x",
  "export x",
  "start x y",
  "logs x",
  "logs -f -t --details --tail 5 --since 2013-01-02T13:23:37Z --until 1357133017.5 x",
  "stats --no-stream x",
  "ps",
  "ps -a -s -n 3 --filter name=x --filter label=a=b",
  "ps -l",
  "ps -q --format {{.Size}}",
  "ps --format {{.Size}}",
  "ps --size=false --format {{.Size}}",
  "inspect -s --type container x",
  "container prune -f --filter until=1h --filter label!=x",
  "system prune -f -a --volumes --filter label=x",
  "cp x:/etc/hosts .",
  "cp -L x:/etc/hosts .",
  "cp -a FILE:env x:/tmp/name",
  "cp FILE:nosuch x:/tmp",
];

type Sent = Recorded["body"];

/** What a map of Go sends in any order; of an archive only the size, for Go also fills in device numbers of files. */
function settledBody(body: Sent): unknown {
  if (typeof body === "string") return body.length;
  if (typeof body !== "object" || body === null || !("Env" in body || "HostConfig" in body)) return body;
  const { HostConfig, Env, ...rest } = body as { HostConfig?: { Binds?: string[] | null }; Env?: string[] | null };
  return {
    ...rest,
    Env: Env?.toSorted() ?? Env,
    HostConfig: HostConfig && { ...HostConfig, Binds: HostConfig.Binds?.toSorted() ?? HostConfig.Binds },
  };
}

function settled(requests: readonly Recorded[]): unknown {
  return requests.map(({ body, query, ...request }) => ({
    ...request,
    query: { ...query, filters: query["filters"]?.map((text): unknown => JSON.parse(text)) },
    body: settledBody(body),
  }));
}

const nameless = (ran: Ran, program: string): Ran => ({
  code: ran.code,
  stdout: ran.stdout.replaceAll(program, "PROGRAM"),
  stderr: ran.stderr
    .replaceAll(program, "PROGRAM")
    // Ours tells what the daemon said.
    .replace("unable to upgrade to tcp, received 500", "Error response from daemon: recorded"),
});

describe("create: the request is docker's", () => {
  let recorder: Recorder | undefined;
  let folder = "";
  let major = 0;

  before(async () => {
    major = await dockerMajor().catch(() => 0);
    folder = await mkdtemp(join(tmpdir(), "create-lines-"));
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
    recorder = await startRecorder(API_VERSION, answer);
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

  for (const line of OTHER_LINES) {
    test(`request of ${line}`, async (context) => {
      if (major !== MAJOR) context.skip(`needs the docker command line ${MAJOR}, ${major || "none"} here`);
      else await compare(words(line));
    });
  }
});
