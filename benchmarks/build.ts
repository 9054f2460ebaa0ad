/**
 * What builds cost, two engines beside each other in one run, through the real `docker build`.
 *
 *   sh tools/node.sh benchmarks/build.ts varve=/run/varve/varve.sock dockerd=/var/run/docker.sock
 *       [--image 127.0.0.1:5000/debian:12-slim] [--runs 7] [--files 20000] [--registry 127.0.0.1:5000]
 *       [--files-from 127.0.0.1:5000/golang:deb --tree "/usr/lib/go-1.19 …"] [--only run,cached]
 *       [--json FILE]
 *
 * Rounds are interleaved (a b a b …), the first is not counted; medians; the last engine is the one compared with. Every
 * `command=socket,bin/varve` measures that command instead of docker. A
 * round has a Dockerfile of its own, so that nothing but the base is known. Images are named bench-build, and removed.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";

interface Engine {
  readonly name: string;
  readonly socket: string;
  /** The command that builds. */
  readonly program: string;
}

interface Case {
  readonly name: string;
  /** Not measured. `token` is another one in each round. */
  readonly prepare?: (engine: Engine, token: string) => Promise<unknown>;
  readonly run: (engine: Engine, token: string) => Promise<unknown>;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    image: { type: "string", default: "127.0.0.1:5000/debian:12-slim" },
    runs: { type: "string", default: "7" },
    files: { type: "string", default: "20000" },
    registry: { type: "string", default: "127.0.0.1:5000" },
    "files-from": { type: "string", default: "127.0.0.1:5000/golang:deb" },
    tree: { type: "string", default: "/usr/lib/go-1.19 /usr/lib/gcc /usr/share/perl" },
    only: { type: "string", default: "" },
    json: { type: "string" },
  },
});
const engines: readonly Engine[] = positionals.map((text) => {
  const [name = "", place = ""] = text.split("=", 2);
  const [socket = "", program = "docker"] = place.split(",", 2);
  return { name, socket, program };
});
if (engines.length === 0) throw new Error("name at least one engine: varve=/run/varve/varve.sock");

const PAUSE_MS = 300;
const STEPS = 10;
const FILES = Number(values.files);
const PUSHED_BYTES = 424e6;
const folder = mkdtempSync(join(tmpdir(), "bench-build-"));

function docker(engine: Engine, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(engine.program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        DOCKER_HOST: `unix://${engine.socket}`,
        VARVE_HOST: `unix://${engine.socket}`,
        DOCKER_CLI_HINTS: "false",
      },
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${engine.name}: docker ${args.join(" ")}: ${output.trim()}`)),
    );
  });
}

/** A context with a Dockerfile of these lines above the base, and `files` small files. */
function makeContext(name: string, lines: readonly string[], files = 0): string {
  const path = join(folder, name);
  mkdirSync(join(path, "src"), { recursive: true });
  writeFileSync(join(path, "Dockerfile"), [`FROM ${values.image}`, ...lines, ""].join("\n"));
  for (let index = 0; index < files; index += 1) writeFileSync(join(path, "src", `f${index}`), `${index}\n`.repeat(50));
  return path;
}

const build = (engine: Engine, context: string): Promise<string> =>
  docker(engine, ["build", "-t", "bench-build", context]);

const steps = (token: string, command: (index: number) => string): readonly string[] => [
  `ENV TOKEN=${token}`,
  ...Array.from({ length: STEPS }, (_, index) => `RUN ${command(index)}`),
];

const changing = (index: number): string => `echo ${index} > /file${index}`;

const cases: readonly Case[] = [
  { name: "run", run: (engine, token) => build(engine, makeContext(token, steps(token, changing))) },
  {
    name: "run-nothing",
    run: (engine, token) => build(engine, makeContext(token, ["RUN true", ...steps(token, () => "true")])),
  },
  {
    name: "run-no-network",
    run: (engine, token) =>
      build(
        engine,
        makeContext(
          token,
          steps(token, changing).map((line) => line.replace("RUN", "RUN --network=none")),
        ),
      ),
  },
  {
    name: "cached",
    prepare: (engine, token) => build(engine, makeContext(token, steps(token, changing))),
    run: (engine, token) => build(engine, join(folder, token)),
  },
  {
    name: "copy",
    prepare: async (_engine, token) => {
      const path = makeContext(token, [`ENV TOKEN=${token}`, "COPY src /src"], FILES);
      writeFileSync(join(path, "src", "token"), token);
    },
    run: (engine, token) => build(engine, join(folder, token)),
  },
  {
    // Another directory of the same files, as in a fresh checkout: all are read, and found to be those of a known layer.
    name: "copy-known",
    prepare: async (_engine, token) => makeContext(token, [`ENV TOKEN=${token}`, "COPY src /src"], FILES),
    run: (engine, token) => build(engine, join(folder, token)),
  },
  {
    name: "copy-unchanged",
    prepare: (engine, token) => build(engine, makeContext(token, [`ENV TOKEN=${token}`, "COPY src /src"], FILES)),
    run: (engine, token) => build(engine, join(folder, token)),
  },
  {
    name: "copy-one-changed",
    prepare: async (engine, token) => {
      await build(engine, makeContext(token, [`ENV TOKEN=${token}`, "COPY src /src", "RUN true"], FILES));
      writeFileSync(join(folder, token, "src", "f7"), "changed");
    },
    run: (engine, token) => build(engine, join(folder, token)),
  },
];

const more: readonly Case[] = [
  {
    // Two stages of two seconds: what it takes beyond two.
    name: "stages",
    run: (engine, token) => {
      const slow = (name: string): readonly string[] => [
        `FROM ${values.image} AS ${name}`,
        `RUN sleep 2; echo ${token} > /${name}`,
      ];
      const last = [`FROM ${values.image}`, "COPY --from=left /left /", "COPY --from=right /right /"];
      return build(engine, makeContext(token, [...slow("left"), ...slow("right"), ...last]));
    },
  },
  {
    name: "push",
    prepare: (engine, token) => {
      const random = `head -c ${PUSHED_BYTES} /dev/urandom > /data`;
      return docker(engine, [
        "build",
        "-t",
        `${values.registry}/bench/${token.toLowerCase()}:1`,
        // Another layer each time: one that the registry has would not be sent.
        makeContext(token, [`ENV TOKEN=${token}`, `RUN ${random}`]),
      ]);
    },
    run: pushAndRemove,
  },
  {
    // The same size of real files, which shrink to a third: what most built layers are like.
    name: "push-files",
    prepare: (engine, token) => {
      const name = `${values.registry}/bench/${token.toLowerCase()}:1`;
      const path = makeContext(token, ["COPY --from=files /d /d"]);
      const copy = `RUN mkdir /d && cp -a ${values.tree} /d && echo ${token} > /d/token`;
      const text = readFileSync(join(path, "Dockerfile"), "utf8");
      writeFileSync(join(path, "Dockerfile"), `FROM ${values["files-from"]} AS files\n${copy}\n${text}`);
      return docker(engine, ["build", "-t", name, path]);
    },
    run: pushAndRemove,
  },
];

async function pushAndRemove(engine: Engine, token: string): Promise<void> {
  const name = `${values.registry}/bench/${token.toLowerCase()}:1`;
  await docker(engine, ["push", "-q", name]);
  await docker(engine, ["rmi", "-f", name]);
}

const median = (numbers: readonly number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

async function measure({ name, prepare, run }: Case): Promise<ReadonlyMap<string, readonly number[]>> {
  const times = new Map<string, number[]>(engines.map((engine) => [engine.name, []]));
  const runs = Number(values.runs);
  for (let round = 0; round <= runs; round += 1) {
    for (const engine of engines) {
      const token = `${name}-${engine.name}-${round}-${process.pid}`;
      await prepare?.(engine, token);
      await sleep(PAUSE_MS);
      const started = performance.now();
      await run(engine, token);
      if (round > 0) times.get(engine.name)?.push(performance.now() - started);
      rmSync(join(folder, token), { recursive: true, force: true });
    }
  }
  return times;
}

const wanted = new Set(values.only.split(",").filter((name) => name !== ""));
const results: Record<string, Record<string, readonly number[]>> = {};
try {
  for (const engine of engines) await docker(engine, ["pull", "-q", values.image]);
  for (const one of [...cases, ...more]) {
    if (wanted.size > 0 && !wanted.has(one.name)) continue;
    const times = await measure(one);
    results[one.name] = Object.fromEntries(times);
    const last = median(times.get(engines.at(-1)?.name ?? "") ?? []);
    const columns = engines.map(({ name }) => {
      const own = median(times.get(name) ?? []);
      return `${name} ${own.toFixed(0)} ms (${(last / own).toFixed(2)}x)`;
    });
    process.stdout.write(`${one.name.padEnd(18)} ${columns.join("   ")}\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
  for (const engine of engines) await docker(engine, ["rmi", "-f", "bench-build"]).catch(() => undefined);
}
if (values.json !== undefined) {
  const machine = { cpus: cpus().length, memory: totalmem(), kernel: release(), load: loadavg() };
  writeFileSync(values.json, `${JSON.stringify({ machine, engines, values, results }, undefined, 2)}\n`);
}
