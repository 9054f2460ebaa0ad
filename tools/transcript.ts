/**
 * The same docker commands on two engines, outputs compared after masking what must differ.
 *
 *   sh tools/node.sh tools/transcript.ts OURS.sock DOCKERD.sock [--registry 127.0.0.1:5000] [--verbose]
 *
 * `--ours PROGRAM` and `--theirs PROGRAM` choose the command line for each, e.g. `--ours bin/varve`, or an older docker.
 * `--lines containers` runs the container commands (`transcriptContainers.ts`) in place of the image ones, `--lines day` those of a
 * day with them (`transcriptDay.ts`), `--only TEXT` those that hold a text, `--skip TEXT` those that do not.
 * What may differ, and why, stands in docs/differences.md. Works in repositories called `transcript/…` of the registry; the registry must
 * hold debian:12-slim, the engines should hold nothing else. Exit 1 when anything differs.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { encodeTarHeader, TAR_END, tarPadding } from "#tar";
import { CONTAINER_LINES } from "./transcriptContainers.ts";
import { DAY_LINES } from "./transcriptDay.ts";
import { LINES } from "./transcriptLines.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    registry: { type: "string", default: "127.0.0.1:5000" },
    verbose: { type: "boolean", default: false },
    ours: { type: "string", default: "docker" },
    theirs: { type: "string", default: "docker" },
    lines: { type: "string", default: "images" },
    only: { type: "string", default: "" },
    skip: { type: "string" },
  },
});
const [ours = "", theirs = ""] = positionals;
const registry = values.registry;
const folder = mkdtempSync(join(tmpdir(), "varve-transcript-"));
const base = `${registry}/debian:12-slim`;
/** Each engine has a repository of its own, of equal length: they must not pull what the other pushed. */
const REPOSITORY_OF = { ours: `${registry}/transcript/o`, theirs: `${registry}/transcript/t` } as const;
const repository = REPOSITORY_OF.ours;

function tiny(name: string, text: string): string {
  const path = join(folder, name);
  const body = Buffer.from(text);
  writeFileSync(
    path,
    Buffer.concat([
      encodeTarHeader({ path: "hello", type: "file", mode: 0o644, size: body.byteLength }),
      body,
      tarPadding(body.byteLength),
      TAR_END,
    ]),
  );
  return path;
}

const a = tiny("a.tar", "first");
const b = tiny("b.tar", "second");
const archive = join(folder, "saved.tar");

/** Commands in order; each sees what the ones before it did. `{…}` is a placeholder of a file or name. */
const COMMANDS: readonly (readonly string[])[] = [
  ["pull", base],
  ["pull", base],
  ["pull", "-q", base],
  ["pull", `${registry}/none:1`],
  ["pull", "127.0.0.1:1/none:1"],
  ["pull", `${registry}/debian:none`],
  ["pull", "--platform", "linux/arm64", base],
  ["pull", "UPPER/case"],
  ["pull", "a b"],
  ["pull", ""],
  ["import", a, "t1:1"],
  [
    "import",
    "-m",
    "message",
    "-c",
    'CMD ["x"]',
    "-c",
    "ENV A=b C=d",
    "-c",
    "LABEL l=1",
    "-c",
    "EXPOSE 80 90/udp",
    "-c",
    "VOLUME /v",
    "-c",
    "WORKDIR /w",
    "-c",
    "USER u:g",
    b,
    "t2:1",
  ],
  ["import", "-c", "FOO bar", a, "t3:1"],
  ["import", "/nope.tar", "t3:1"],
  ["images"],
  ["images", "-q", "--no-trunc", "t1"],
  ["images", "--digests"],
  ["images", "--format", "{{.Repository}}|{{.Tag}}|{{.Size}}|{{.ID}}"],
  ["images", "--format", "json", "t1"],
  ["images", "--format", "table {{.Repository}}\t{{.Tag}}"],
  ["images", "--format", "{{.Nope}}"],
  ["images", "--filter", "dangling=true"],
  ["images", "--filter", "dangling=maybe"],
  ["images", "--filter", "label=l"],
  ["images", "--filter", "label=l=2"],
  ["images", "--filter", "reference=t*"],
  ["images", "--filter", "reference=*/*/*"],
  ["images", "--filter", "before=t2:1"],
  ["images", "--filter", "since=nope"],
  ["images", "--filter", "nope=1"],
  ["images", "--filter", "until=1h"],
  ["images", "nope"],
  ["tag", "t1:1", "t1:2"],
  ["tag", "t1:1", "T1:2"],
  ["tag", "nope:1", "x:1"],
  ["tag", "t1:1", "x@sha256:0000000000000000000000000000000000000000000000000000000000000000"],
  ["tag", "t2:1", `${repository}:1`],
  ["tag", "t2:1", `${repository}:2`],
  ["inspect", "t1:1"],
  ["image", "inspect", "t2:1", "-f", "{{json .Config}}"],
  [
    "inspect",
    "-f",
    "{{.Comment}} {{.Author}} {{.Architecture}} {{.Os}} {{.Size}} {{len .RootFS.Layers}} {{.DockerVersion}}",
    "t2:1",
  ],
  ["inspect", "nope"],
  ["inspect", "--type", "image", "nope"],
  ["inspect", "--type", "container", "t1:1"],
  ["inspect", "--type", "bad", "t1:1"],
  ["inspect", "-f", "{{.Nope}}", "t1:1"],
  ["inspect", "-f", "{{", "t1:1"],
  ["history", "t2:1"],
  ["history", "--no-trunc", "--format", "{{.ID}}|{{.CreatedBy}}|{{.Size}}|{{.Comment}}", base],
  ["history", "-q", "t2:1"],
  ["history", "-H=false", "t2:1"],
  ["history", "nope"],
  ["push", `${repository}:1`],
  ["push", `${repository}:1`],
  ["push", "-q", `${repository}:2`],
  ["push", "-a", repository],
  ["push", `${repository}:nope`],
  ["push", "nothere"],
  ["push", "-a", "nothere"],
  ["images", "--digests", repository],
  ["rmi", `${repository}:1`],
  ["rmi", `${repository}:2`],
  ["pull", "-a", repository],
  ["rmi", `${repository}:1`, `${repository}:2`],
  ["save", "-o", archive, "t1:1", "t1:2", "t2:1"],
  ["save", "-o", join(folder, "x.tar"), "nope"],
  ["save"],
  ["rmi", "t1:1"],
  ["rmi", "t1:2"],
  ["rmi", "t1:2"],
  ["load", "-i", archive],
  ["load", "-q", "-i", archive],
  ["load", "-i", "/nope"],
  ["load", "-i", a],
  ["rmi", "-f", "t1:1", "nope", "t1:2"],
  ["image", "rm", "--no-prune", "t2:1"],
  ["import", a],
  ["images", "--filter", "dangling=true", "--format", "{{.Repository}}:{{.Tag}}"],
  ["image", "prune", "-f"],
  ["image", "prune", "-f"],
  ["image", "prune", "-f", "--filter", "nope=1"],
  ["image", "prune", "-f", "--filter", "until=bad"],
  ["system", "df"],
  ["system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}} {{.Reclaimable}}"],
  ["manifest", "inspect", "--insecure", base],
  ["manifest", "inspect", "--insecure", `${registry}/none:1`],
  ["run", "--rm", "--network", "none", base, "echo", "hi"],
  ["run", "--rm", "--network", "none", base, "sh", "-c", "exit 3"],
  ["run", "--rm", "--network", "none", base, "/nope"],
  ["run", "--rm", "--network", "none", base, "nope"],
  ["run", "--rm", "--network", "none", base, "/etc"],
  ["run", "--rm", "--network", "none", "-u", "nosuch", base, "id"],
  ["run", "--rm", "--network", "none", "-u", "www-data", base, "id"],
  ["run", "--rm", "--network", "none", "-w", "/a/b", base, "pwd"],
  ["run", "--rm", "--network", "none", "-e", "A=1", "-h", "host1", base, "sh", "-c", "env | sort"],
  [
    "run",
    "--rm",
    "--network",
    "none",
    base,
    "sh",
    "-c",
    "cat /proc/self/status | grep -E '^(Cap|Seccomp|NoNewPrivs)'; mount | sort | grep -v overlay | cut -d' ' -f1-5",
  ],
  [
    "run",
    "--rm",
    "--network",
    "none",
    base,
    "sh",
    "-c",
    "ls -la /dev | awk '{print $1,$3,$4,$NF}'; ls /; stat -c '%a %U %G %n' / /tmp /etc /dev/shm; umask; ulimit -a",
  ],
  ["run", "--rm", "--network", "none", base, "cat", "/etc/hosts"],
  ["run", "--name", "tr1", "--network", "none", base, "true"],
  ["run", "--name", "tr1", "--network", "none", base, "true"],
  [
    "ps",
    "-a",
    "--format",
    "{{.Names}}|{{.Image}}|{{.Command}}|{{.State}}|{{.Ports}}|{{.Networks}}|{{.Mounts}}|{{.Size}}",
  ],
  ["rmi", base],
  ["logs", "tr1"],
  [
    "inspect",
    "-f",
    "{{.State.Status}} {{.State.ExitCode}} {{.Config.Image}} {{json .Config.Cmd}} {{.HostConfig.NetworkMode}} {{.Path}} {{json .Args}}",
    "tr1",
  ],
  ["rm", "tr1"],
  ["rm", "tr1"],
  ["rm", "-f", "tr1"],
  ["kill", "tr1"],
  ["stop", "tr1"],
  ["wait", "tr1"],
  ["logs", "tr1"],
  ["start", "tr1"],
  ["run", "--rm", "nosuchimage:1", "true"],
  ["rmi", "-f", base],
  ["images", "-aq"],
];

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Engine = keyof typeof REPOSITORY_OF;

/** Both engines publish on the same host. */
const PORT_OF: Readonly<Record<Engine, string>> = { ours: "28180", theirs: "28190" };

/** Runs a program that speaks to one of the engines. */
function runOn(engine: Engine, program: string, args: readonly string[]): Ran {
  const host = `unix://${engine === "ours" ? ours : theirs}`;
  const ran = spawnSync(program, args, {
    encoding: "utf8",
    input: "",
    env: {
      ...process.env,
      DOCKER_HOST: host,
      VARVE_HOST: host,
      DOCKER_CLI_HINTS: "false",
      CLI: values[engine],
      BASE: base,
      A: a,
      B: b,
      PORT: PORT_OF[engine],
      DIR: join(folder, engine),
    },
    timeout: 60_000,
  });
  return { code: ran.status ?? -1, stdout: ran.stdout, stderr: ran.stderr };
}

function shell(engine: Engine, line: string): Ran {
  return runOn(engine, "sh", ["-c", `docker() { command "$CLI" "$@"; }; ${line}`]);
}

function docker(engine: Engine, given: readonly string[]): Ran {
  const args = given.map((arg) =>
    arg.replaceAll(repository, REPOSITORY_OF[engine]).replace(archive, `${archive}.${engine}`),
  );
  return runOn(engine, values[engine], args);
}

/** Ids, times and roots must differ; progress lines of parallel layers come in any order. */
function mask(text: string): string {
  const masked = text
    .replace(/transcript\/[ot]\b/g, "transcript/a")
    .replaceAll(join(folder, "ours"), "DIR")
    .replaceAll(join(folder, "theirs"), "DIR")
    .replace(/saved\.tar\.(?:ours|theirs)/g, "saved.tar")
    .replace(/sha256:[0-9a-f]{64}/g, "sha256:<id>")
    .replace(/\b[0-9a-f]{64}\b/g, "<id>")
    .replace(/\b[0-9a-f]{12}\b/g, "<short>")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)/g, "<time>")
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \w+/g, "<time>")
    .replace(/(?:Less than a second|About an? \w+|\d+ \w+) ago/g, "<ago>")
    .replace(/\bUp (?:Less than a second|About an? \w+|\d+ \w+)/g, "Up <time>")
    .replace(/"[^"]*\/overlay2\/[^"]*"/g, '"<layer>"')
    .replace(/"[^"]*\/volumes\/([^"/]*)\/_data"/g, '"<volumes>/$1"')
    .replace(
      /^(?:[0-9a-f<>a-z]+: )?(?:Waiting|Verifying Checksum|Download complete|Pulling fs layer|Pull complete|Already exists|Preparing|Layer already exists|Pushed|Mounted from \S+)$/gm,
      "<progress>",
    )
    .replace(/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, "<mac>")
    .replace(/\b1(?:72|92|0)\.\d+\.\d+\.\d+\b/g, "<address>")
    .replace(/\b[a-z]+_[a-z]+\b(?=["|\n ])/g, "<name>")
    .replace(/"Runtime":"(?:crun|runc)"/g, '"Runtime":"<runtime>"')
    .replace(/\b281[89]0\b/g, "<port>")
    .replaceAll("varve", "docker")
    .replace(/ +$/gm, "");
  return masked.replace(/(?:<short>: )?<progress>\n(?:(?:<short>: )?<progress>\n)*/g, "<progress>\n");
}

interface Case {
  readonly name: string;
  run(engine: Engine): Ran;
}

const inShell = (line: string): Case => ({ name: line, run: (engine) => shell(engine, line) });

const IMAGE_CASES: readonly Case[] = [
  ...COMMANDS.map((args) => ({ name: `docker ${args.join(" ")}`, run: (engine: Engine) => docker(engine, args) })),
  ...LINES.map(inShell),
];
const LISTS: Readonly<Record<string, readonly Case[]>> = {
  images: IMAGE_CASES,
  containers: CONTAINER_LINES.map(inShell),
  day: DAY_LINES.map(inShell),
};
const CASES = (LISTS[values.lines] ?? IMAGE_CASES).filter(
  ({ name }) => name.includes(values.only) && (values.skip === undefined || !name.includes(values.skip)),
);

function describe({ name }: Case, one: Ran, two: Ran): string {
  const parts = [`\n≠ ${name}\n`];
  if (one.code !== two.code) parts.push(`  exit: ours ${one.code}, theirs ${two.code}\n`);
  for (const stream of ["stdout", "stderr"] as const) {
    const [left, right] = [mask(one[stream]), mask(two[stream])];
    if (left === right) continue;
    parts.push(
      `  ours ${stream}:\n${left.replace(/^/gm, "    ")}\n  theirs ${stream}:\n${right.replace(/^/gm, "    ")}\n`,
    );
  }
  return parts.join("");
}

const isSame = (one: Ran, two: Ran): boolean =>
  one.code === two.code && mask(one.stdout) === mask(two.stdout) && mask(one.stderr) === mask(two.stderr);

let differences = 0;
try {
  for (const engine of ["ours", "theirs"]) mkdirSync(join(folder, engine));
  for (const one of CASES) {
    const [left, right] = [one.run("ours"), one.run("theirs")];
    if (!isSame(left, right)) {
      differences += 1;
      process.stdout.write(describe(one, left, right));
    } else if (values.verbose) process.stdout.write(`\n= ${one.name}\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(`\n${CASES.length} commands, ${differences} differences\n`);
process.exitCode = differences === 0 ? 0 : 1;
