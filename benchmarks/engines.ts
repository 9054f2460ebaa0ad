/**
 * Engines beside each other on the same work, in one run, through the real docker command.
 *
 *   sh tools/node.sh benchmarks/engines.ts varve=/run/varve/varve.sock dockerd=/var/run/docker.sock
 *       [--image 127.0.0.1:5000/golang:deb] [--small 127.0.0.1:5000/debian:12-slim] [--runs 5] [--only pull,load] [--json FILE]
 *
 * Every image of every engine named is removed before cold cases: never point it at an engine whose images you need.
 * Rounds are interleaved (a b a b …), the first is not counted; medians; the last engine is the one compared with.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";

interface Engine {
  readonly name: string;
  readonly socket: string;
}

interface Case {
  readonly name: string;
  prepare(engine: Engine): Promise<unknown>;
  run(engine: Engine): Promise<unknown>;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    image: { type: "string", default: "127.0.0.1:5000/golang:deb" },
    small: { type: "string", default: "127.0.0.1:5000/debian:12-slim" },
    runs: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    json: { type: "string" },
  },
});
const engines: readonly Engine[] = positionals.map((text) => {
  const [name = "", socket = ""] = text.split("=", 2);
  return { name, socket };
});
if (engines.length === 0) throw new Error("name at least one engine: varve=/run/varve/varve.sock");
const folder = mkdtempSync(join(tmpdir(), "varve-bench-"));
const archive = join(folder, "image.tar");
const { image, small } = values;

function docker(engine: Engine, args: readonly string[], tolerate = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("docker", args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, DOCKER_HOST: `unix://${engine.socket}`, DOCKER_CLI_HINTS: "false" },
    });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 || tolerate
        ? resolve(output)
        : reject(new Error(`${engine.name}: docker ${args.join(" ")}: ${errors.trim()}`)),
    );
  });
}

/** `docker save` into nothing: what the engine and the command cost, not the disk. */
function saveToNull(engine: Engine): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("docker", ["save", image], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, DOCKER_HOST: `unix://${engine.socket}` },
    });
    const sink = spawn("sh", ["-c", "exec cat >/dev/null"], { stdio: [child.stdout, "ignore", "inherit"] });
    child.on("error", reject);
    sink.on("close", () => resolve());
  });
}

async function wipe(engine: Engine): Promise<void> {
  const ids = [...new Set((await docker(engine, ["images", "-aq"])).split("\n").filter((id) => id !== ""))];
  if (ids.length > 0) await docker(engine, ["rmi", "-f", ...ids], true);
  await docker(engine, ["builder", "prune", "-af"], true);
  await sleep(300);
}

async function ensure(engine: Engine, name: string): Promise<void> {
  if ((await docker(engine, ["images", "-q", name])) === "") await docker(engine, ["pull", "-q", name]);
}

async function ensureArchive(engine: Engine): Promise<void> {
  if (readdirSync(folder).length > 0) return;
  await ensure(engine, image);
  await docker(engine, ["save", "-o", archive, image]);
}

const cases: readonly Case[] = [
  { name: "pull", prepare: wipe, run: (engine) => docker(engine, ["pull", "-q", image]) },
  {
    name: "load",
    prepare: async (engine) => [await ensureArchive(engine), await wipe(engine)],
    run: (engine) => docker(engine, ["load", "-q", "-i", archive]),
  },
  { name: "save", prepare: (engine) => ensure(engine, image), run: saveToNull },
  { name: "rmi", prepare: (engine) => ensure(engine, image), run: (engine) => docker(engine, ["rmi", "-f", image]) },
  { name: "images", prepare: (engine) => ensure(engine, small), run: (engine) => docker(engine, ["images"]) },
  {
    name: "run true, no network",
    prepare: async (engine) => [await ensure(engine, small), await sleep(300)],
    run: (engine) => docker(engine, ["run", "--rm", "--network", "none", small, "true"]),
  },
];

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function measure(one: Case): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = Object.fromEntries(engines.map(({ name }) => [name, []]));
  for (let round = 0; round <= Number(values.runs); round += 1) {
    for (const engine of engines) {
      await one.prepare(engine);
      const started = performance.now();
      await one.run(engine);
      if (round > 0) times[engine.name]?.push(performance.now() - started);
    }
  }
  return times;
}

function ping(engine: Engine): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: engine.socket, path: "/_ping" }, (response) =>
      response.resume().on("end", () => resolve(performance.now() - started)),
    );
    sent.on("error", reject);
    sent.end();
  });
}

/** Resident memory of a process and all below it, MB. */
function residentMegabytes(pids: ReadonlySet<number>): number {
  let kilobytes = 0;
  for (const pid of pids) {
    try {
      kilobytes += Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
    } catch {
      // It ended meanwhile.
    }
  }
  return kilobytes / 1000;
}

/** The process that listens on the socket, and its descendants (containerd and shims below dockerd). */
function processesOf(socket: string): ReadonlySet<number> {
  const parents = new Map<number, number>();
  let owner = 0;
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const argv = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      const line = argv.join(" ");
      parents.set(Number(entry), Number(readFileSync(`/proc/${entry}/stat`, "utf8").split(") ")[1]?.split(" ")[1]));
      const isDaemon = argv[0]?.endsWith("dockerd") === true || line.includes("src/daemon/main.ts");
      if (
        isDaemon &&
        line.includes(
          socket
            .split("/")
            .slice(-3)
            .join("/")
            .replace(/^.*debian13/, ""),
        )
      )
        owner = Number(entry);
    } catch {
      // It ended meanwhile.
    }
  }
  const found = new Set([owner]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const [pid, parent] of parents) {
      if (!found.has(pid) && found.has(parent)) {
        found.add(pid);
        grew = true;
      }
    }
  }
  return found;
}

/** While a pull runs: API latency, memory. */
async function observePull(engine: Engine): Promise<{
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly rssMb: number;
  readonly idleMb: number;
}> {
  await wipe(engine);
  const pids = processesOf(engine.socket);
  const idleMb = residentMegabytes(pids);
  const latencies: number[] = [];
  let rssMb = 0;
  const state = { done: false };
  const pull = docker(engine, ["pull", "-q", image]).finally(() => {
    state.done = true;
  });
  while (!state.done) {
    latencies.push(await ping(engine));
    rssMb = Math.max(rssMb, residentMegabytes(pids));
    await sleep(2);
  }
  await pull;
  const sorted = latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), max: at(1), rssMb, idleMb };
}

const wanted = values.only.split(",").filter((text) => text !== "");
const chosen = (name: string): boolean => wanted.length === 0 || wanted.some((text) => name.includes(text));
const result: Record<string, unknown> = {
  date: new Date().toISOString(),
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, memory: totalmem(), kernel: release(), load: loadavg() },
  image,
  small,
};
try {
  const reference = engines.at(-1)?.name ?? "";
  for (const one of cases.filter(({ name }) => chosen(name))) {
    const times = await measure(one);
    const base = median(times[reference] ?? []);
    const cells = Object.entries(times).map(
      ([name, all]) =>
        `${name} ${median(all).toFixed(0)} ms${name === reference ? "" : ` (${(base / median(all)).toFixed(2)}x)`}`,
    );
    process.stdout.write(`${one.name.padEnd(24)}${cells.join("   ")}\n`);
    result[one.name] = times;
  }
  if (chosen("ping")) {
    for (const engine of engines) {
      const seen = await observePull(engine);
      process.stdout.write(
        `${`ping during pull, ${engine.name}`.padEnd(24)} p50 ${seen.p50.toFixed(1)} ms, p99 ${seen.p99.toFixed(1)} ms, max ${seen.max.toFixed(1)} ms; memory idle ${seen.idleMb.toFixed(0)} MB, at most ${seen.rssMb.toFixed(0)} MB\n`,
      );
      result[`ping ${engine.name}`] = seen;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, undefined, 1)}\n`);
