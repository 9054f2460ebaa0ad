/**
 * What containers cost, two engines beside each other in one run, through the real docker command.
 *
 *   sh tools/node.sh benchmarks/containers.ts varve=/run/varve/varve.sock dockerd=/var/run/docker.sock
 *       [--image 127.0.0.1:5000/debian:12-slim] [--runs 10] [--only exec,stats] [--json FILE]
 *
 * Rounds are interleaved (a b a b …) with a pause before each, for a loop without rest hides what the kernel makes the
 * first container after one wait for; the first round is not counted; medians; the last engine is the one compared with.
 * Every container is named bench-…, and removed at the end.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { cpus, loadavg, release, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";

interface Engine {
  readonly name: string;
  readonly socket: string;
}

interface Case {
  readonly name: string;
  readonly runs?: number;
  prepare?(engine: Engine): Promise<unknown>;
  /** Resolves with the measured number, or undefined for "the time that it took". */
  run(engine: Engine): Promise<number | undefined>;
  /** ms unless said. */
  readonly unit?: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    image: { type: "string", default: "127.0.0.1:5000/debian:12-slim" },
    runs: { type: "string", default: "10" },
    only: { type: "string", default: "" },
    json: { type: "string" },
  },
});
const engines: readonly Engine[] = positionals.map((text) => {
  const [name = "", socket = ""] = text.split("=", 2);
  return { name, socket };
});
if (engines.length === 0) throw new Error("name at least one engine: varve=/run/varve/varve.sock");
const { image } = values;

const PAUSE_MS = 300;
const MANY = 50;
const LOG_MEGABYTES = 200;
const STATS_SECONDS = 10;

interface CommandOptions {
  readonly tolerate?: boolean;
  /** Throw the output away without keeping it. */
  readonly sink?: boolean;
}

function docker(engine: Engine, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("docker", args, {
      stdio: ["ignore", options.sink === true ? "ignore" : "pipe", "pipe"],
      env: { ...process.env, DOCKER_HOST: `unix://${engine.socket}`, DOCKER_CLI_HINTS: "false" },
    });
    let output = "";
    let errors = "";
    child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 || options.tolerate === true
        ? resolve(output)
        : reject(new Error(`${engine.name}: docker ${args.join(" ")}: ${errors.trim()}`)),
    );
  });
}

const timed = async (work: Promise<unknown>): Promise<undefined> => {
  await work;
};

const sleepers = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `bench-${index}`);

async function removeAll(engine: Engine): Promise<void> {
  const listed = await docker(engine, ["ps", "-aq", "--filter", "name=^bench-"]);
  const ids = listed.split("\n").filter((id) => id !== "");
  if (ids.length > 0) await docker(engine, ["rm", "-f", ...ids], { tolerate: true });
}

/** `count` containers that run. Kept from round to round. */
async function ensureRunning(engine: Engine, count: number, more: readonly string[] = []): Promise<void> {
  const listed = await docker(engine, ["ps", "-q", "--filter", "name=^bench-"]);
  if (listed.split("\n").filter((id) => id !== "").length === count) return;
  await removeAll(engine);
  const names = [...sleepers(count)];
  const worker = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop())
      await docker(engine, ["run", "-d", "--name", name, ...more, image, "sleep", "100000"]);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}

async function ensureCreated(engine: Engine): Promise<void> {
  await removeAll(engine);
  for (const name of sleepers(MANY))
    await docker(engine, ["create", "--name", name, "--network", "none", image, "sleep", "100000"]);
}

async function ensureLog(engine: Engine): Promise<void> {
  const listed = await docker(engine, ["ps", "-aq", "--filter", "name=^bench-log$"]);
  if (listed.trim() !== "") return;
  await removeAll(engine);
  await docker(engine, ["run", "--name", "bench-log", "--network", "none", image, "sh", "-c", FLOOD], { sink: true });
}

/** Lines of 80 bytes. */
const FLOOD = `yes 0123456789012345678901234567890123456789012345678901234567890123456789012345678 | head -c ${LOG_MEGABYTES}000000`;

function api(engine: Engine, method: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: engine.socket, method, path }, (response) =>
      response.resume().on("end", () => resolve()),
    );
    sent.on("error", reject);
    sent.end();
  });
}

/** `_ping` every 2 ms while `work` is under way: the 99th percentile. */
async function pingDuring(engine: Engine, work: Promise<unknown>): Promise<number> {
  const state = { done: false };
  const ended = work.finally(() => {
    state.done = true;
  });
  const latencies: number[] = [];
  while (!state.done) {
    const started = performance.now();
    await api(engine, "GET", "/_ping");
    latencies.push(performance.now() - started);
    await sleep(2);
  }
  await ended;
  latencies.sort((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN;
}

interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly line: string;
}

function allProcesses(): readonly ProcessFacts[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const line = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        const parent = Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)?.split(" ")[1]);
        return [{ pid: Number(name), parent, line }];
      } catch {
        return []; // it ended meanwhile
      }
    });
}

/** The engine's own processes, without what runs in containers: daemon, containerd, shims or monitors, port proxies. */
function engineProcesses(engine: Engine): readonly number[] {
  const all = allProcesses();
  const folder = engine.socket.split("/").slice(0, -1).join("/");
  const last = engine.socket.split("/").slice(-2).join("/");
  const isDaemon = ({ line }: ProcessFacts): boolean =>
    (/(?:^|\/)dockerd /.test(line) && line.includes(last)) ||
    (line.includes("src/daemon/main.ts") && line.includes(engine.socket));
  const owners = new Set(all.filter(isDaemon).map(({ pid }) => pid));
  const children = all.filter(({ parent }) => owners.has(parent)).map(({ pid }) => pid);
  const isHelper = ({ line }: ProcessFacts): boolean =>
    owners.size > 0 &&
    (/(?:^|\/)containerd-shim/.test(line)
      ? all.some(({ pid, line: other }) => owners.has(pid) && other.includes("dockerd"))
      : /(?:^|\/)conmon /.test(line) && line.includes(folder));
  return [...new Set([...owners, ...children, ...all.filter(isHelper).map(({ pid }) => pid)])];
}

function residentMegabytes(pids: readonly number[]): number {
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

/** Milliseconds of processor time so far. */
function processorTime(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It ended meanwhile.
    }
  }
  return ticks * 10;
}

/** Share of one core that the engine spends on samples of all running containers. */
async function statsLoad(engine: Engine): Promise<number> {
  const child = spawn("docker", ["stats", "--format", "{{.Name}}"], {
    stdio: ["ignore", "ignore", "ignore"],
    env: { ...process.env, DOCKER_HOST: `unix://${engine.socket}` },
  });
  const closed = new Promise((resolve) => child.on("close", resolve));
  await sleep(3000);
  const pids = engineProcesses(engine);
  const before = processorTime(pids);
  await sleep(STATS_SECONDS * 1000);
  const used = processorTime(pids) - before;
  child.kill();
  await closed;
  return used / (STATS_SECONDS * 10);
}

const startAll = (engine: Engine): Promise<unknown> =>
  Promise.all(sleepers(MANY).map((name) => api(engine, "POST", `/containers/${name}/start`)));

const oneRunning = (engine: Engine): Promise<void> => ensureRunning(engine, 1, ["--network", "none"]);

const cases: readonly Case[] = [
  {
    name: "run true, no network",
    run: (engine) => timed(docker(engine, ["run", "--rm", "--network", "none", image, "true"])),
  },
  { name: "run true, bridge", run: (engine) => timed(docker(engine, ["run", "--rm", image, "true"])) },
  {
    name: "run true, published port",
    run: (engine) => timed(docker(engine, ["run", "--rm", "-p", "127.0.0.1::80", image, "true"])),
  },
  { name: "exec true", prepare: oneRunning, run: (engine) => timed(docker(engine, ["exec", "bench-0", "true"])) },
  {
    name: "exec true, terminal",
    prepare: oneRunning,
    run: (engine) => timed(docker(engine, ["exec", "-t", "bench-0", "true"])),
  },
  { name: "50 parallel starts", runs: 3, prepare: ensureCreated, run: (engine) => timed(startAll(engine)) },
  {
    name: "_ping p99, 50 starts",
    runs: 3,
    prepare: ensureCreated,
    run: (engine) => pingDuring(engine, startAll(engine)),
  },
  {
    name: "ps, 100 containers",
    prepare: (engine) => ensureRunning(engine, 100, ["--network", "none"]),
    run: (engine) => timed(docker(engine, ["ps"])),
  },
  {
    name: "memory, 50 containers",
    runs: 1,
    unit: "MB",
    prepare: (engine) => ensureRunning(engine, MANY, ["--network", "none"]),
    run: async (engine) => residentMegabytes(engineProcesses(engine)),
  },
  {
    name: "stats of 50, one core",
    runs: 1,
    unit: "%",
    prepare: (engine) => ensureRunning(engine, MANY, ["--network", "none"]),
    run: statsLoad,
  },
  {
    name: "run attached, 200 MB",
    runs: 3,
    run: (engine) =>
      timed(docker(engine, ["run", "--rm", "--network", "none", image, "sh", "-c", FLOOD], { sink: true })),
  },
  {
    name: "logs, 200 MB",
    runs: 3,
    prepare: ensureLog,
    run: (engine) => timed(docker(engine, ["logs", "bench-log"], { sink: true })),
  },
];

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function measure(one: Case): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = Object.fromEntries(engines.map(({ name }) => [name, []]));
  const runs = Math.min(one.runs ?? Number.POSITIVE_INFINITY, Number(values.runs));
  for (let round = 0; round <= runs; round += 1) {
    for (const engine of engines) {
      await one.prepare?.(engine);
      await sleep(PAUSE_MS);
      const started = performance.now();
      const value = await one.run(engine);
      if (round > 0) times[engine.name]?.push(value ?? performance.now() - started);
    }
  }
  for (const engine of engines) await removeAll(engine);
  return times;
}

const wanted = values.only.split(",").filter((text) => text !== "");
const result: Record<string, unknown> = {
  date: new Date().toISOString(),
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, memory: totalmem(), kernel: release(), load: loadavg() },
  image,
};
const reference = engines.at(-1)?.name ?? "";
for (const engine of engines) {
  if ((await docker(engine, ["images", "-q", image])) === "") await docker(engine, ["pull", "-q", image]);
}
for (const one of cases.filter(({ name }) => wanted.length === 0 || wanted.some((text) => name.includes(text)))) {
  try {
    const times = await measure(one);
    const base = median(times[reference] ?? []);
    const unit = one.unit ?? "ms";
    const cells = Object.entries(times).map(
      ([name, all]) =>
        `${name} ${median(all).toFixed(1)} ${unit}${name === reference ? "" : ` (${(base / median(all)).toFixed(2)}x)`}`,
    );
    process.stdout.write(`${one.name.padEnd(26)}${cells.join("   ")}\n`);
    result[one.name] = times;
  } finally {
    for (const engine of engines) await removeAll(engine);
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, undefined, 1)}\n`);
