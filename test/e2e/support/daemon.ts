import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeNetworkLeftovers } from "./networkLeftovers.ts";
import { must, run } from "./process.ts";
import type { Ran, RunOptions } from "./process.ts";

export const ROOT: string = resolve(import.meta.dirname, "../../..");
const VARVE = join(ROOT, "bin/varve");
const START_ATTEMPTS = 300;

/** A varve daemon of a test's own, on a temporary data root and socket. */
export interface TestDaemon extends AsyncDisposable {
  readonly socket: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pid: number;
  /** The real docker command on this daemon. */
  docker(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Our command on this daemon. */
  varve(args: readonly string[], options?: RunOptions): Promise<Ran>;
  mustDocker(args: readonly string[], options?: RunOptions): Promise<string>;
  mustVarve(args: readonly string[], options?: RunOptions): Promise<string>;
  /** One API request; the body parsed if it is JSON. */
  api(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{
    readonly status: number;
    readonly body: unknown;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  }>;
  /** `kill -9` and wait until it is gone. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  log(): string;
}

export interface DaemonSettings {
  readonly flags?: readonly string[];
  /** An existing folder to use as data root; it is left alone at the end. */
  readonly dataRoot?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a daemon and waits until it answers. @throws with its log when it does not come up. */
export async function startDaemon(settings: DaemonSettings = {}): Promise<TestDaemon> {
  const folder = await mkdtemp(join(tmpdir(), "varve-e2e-"));
  const home = join(folder, "home");
  await mkdir(home);
  const dataRoot = settings.dataRoot ?? join(folder, "data");
  const execRoot = join(folder, "run");
  const socket = join(execRoot, "varve.sock");
  const env = {
    DOCKER_HOST: `unix://${socket}`,
    VARVE_HOST: `unix://${socket}`,
    HOME: home,
    DOCKER_CONFIG: join(home, ".docker"),
    DOCKER_CLI_HINTS: "false",
    ...settings.env,
  };
  let child: ChildProcess | undefined;
  let log = "";

  const start = async (): Promise<void> => {
    const process_ = spawn(
      VARVE,
      ["daemon", "-H", `unix://${socket}`, "--data-root", dataRoot, "--exec-root", execRoot, ...(settings.flags ?? [])],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...env },
      },
    );
    child = process_;
    for (const stream of [process_.stdout, process_.stderr])
      stream.on("data", (chunk: Buffer) => (log += chunk.toString()));
    for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
      if (process_.exitCode !== null) throw new Error(`the daemon ended with ${process_.exitCode}: ${log}`);
      if (existsSync(socket) && (await api("GET", "/_ping").catch(() => ({ status: 0 }))).status === 200) return;
      await sleep(50);
    }
    throw new Error(`the daemon did not answer: ${log}`);
  };

  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  };

  const api: TestDaemon["api"] = (method, path, body) =>
    new Promise((done, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const sent = request(
        { socketPath: socket, method, path, headers: text === undefined ? {} : { "Content-Type": "application/json" } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const whole = Buffer.concat(chunks).toString();
            let value: unknown = whole;
            try {
              value = JSON.parse(whole);
            } catch {
              // Not JSON: the text itself.
            }
            done({ status: response.statusCode ?? 0, body: value, headers: response.headers });
          });
        },
      );
      sent.on("error", reject);
      sent.end(text);
    });

  const withEnv = (options: RunOptions | undefined): RunOptions => ({ ...options, env: { ...env, ...options?.env } });
  try {
    await start();
  } catch (error) {
    await end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    socket,
    dataRoot,
    execRoot,
    get pid() {
      return child?.pid ?? -1;
    },
    docker: (args, options) => run("docker", args, withEnv(options)),
    varve: (args, options) => run(VARVE, args, withEnv(options)),
    mustDocker: (args, options) => must("docker", args, withEnv(options)),
    mustVarve: (args, options) => must(VARVE, args, withEnv(options)),
    api,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    start,
    log: () => log,
    [Symbol.asyncDispose]: async () => {
      // Containers go on without their daemon: none may outlive its test.
      const left = await api("GET", "/containers/json?all=1").catch(() => ({ body: [] }));
      for (const row of Array.isArray(left.body) ? left.body : []) {
        await api("DELETE", `/containers/${String(Reflect.get(Object(row), "Id"))}?force=1&v=1`).catch(() => undefined);
      }
      await end("SIGTERM");
      await removeNetworkLeftovers(dataRoot);
      for (const target of mountsBelow(folder).reverse()) await run("umount", ["-l", target]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Mount points below a folder, in the order they were made. */
export function mountsBelow(folder: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((target) => target.startsWith(`${folder}/`));
}
