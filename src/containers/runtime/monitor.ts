import { closeSync, constants, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import {
  closePipe,
  connectPacketSocket,
  openPipe,
  pipeStream,
  processStartTime,
  quickSpawn,
  reapProcess,
  removeCgroup,
  runProgram,
  waitForProcess,
} from "#host";
import type { QuickCall, QuickChild } from "#host";
import type { Socket } from "node:net";
import type { ContainerDocument, ProcessIdentity } from "../document.ts";
import { cgroupOf } from "../spec/runtimeSpec.ts";
import { endCreate } from "./endCreate.ts";
import type { Runtime } from "./chooseRuntime.ts";
import type { ContainerPaths, Layout } from "./paths.ts";

/** How conmon treats a container's streams. */
export interface StreamSettings {
  readonly tty: boolean;
  readonly stdin: boolean;
  /** False: the first client that ends its input ends the container's. */
  readonly keepStdinOpen: boolean;
  readonly log: boolean;
}

/** A created container: its program waits for the runtime's `start`. */
export interface Created {
  readonly init: ProcessIdentity;
  readonly monitor: ProcessIdentity;
}

/** What conmon reported instead of a pid. */
export class CreateFailed extends Error {}

/** All that conmon and a runtime get of an environment. */
export const RUNTIME_ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
} as const;

function conmonArguments(id: string, paths: ContainerPaths, layout: Layout, call: ConmonCall): readonly string[] {
  const { runtime, streams } = call;
  const runtimeArguments = [`--root=${layout.runtimeState}`, `--log=${paths.runtimeLog}`, "--log-format=json"];
  const fixed = "--api-version 1 --full-attach --no-sync-log --log-level error".split(" ");
  const named = {
    "-c": id,
    "-u": id,
    "-n": id,
    "-r": runtime.file,
    "-b": paths.bundle,
    "-p": paths.pidFile,
    "--conmon-pidfile": paths.monitorPidFile,
    "--exit-dir": layout.exits,
    "--persist-dir": paths.bundle,
    "-l": streams.log ? `k8s-file:${paths.log}` : "none",
  };
  return [
    ...fixed,
    ...Object.entries(named).flat(),
    ...runtimeArguments.flatMap((argument) => ["--runtime-arg", argument]),
    ...(streams.tty ? ["-t"] : []),
    ...(streams.stdin ? ["-i"] : []),
    ...(streams.stdin && streams.keepStdinOpen ? ["--leave-stdin-open"] : []),
  ];
}

interface ConmonCall {
  readonly runtime: Runtime;
  readonly streams: StreamSettings;
  /** Ends a create that is under way. */
  readonly signal: AbortSignal;
}

/** conmon's first line: `{"data": pid}` or `{"data": -1, "message": "…"}`. */
export function parseReport(line: string): number {
  if (line === "") throw new CreateFailed("");
  const report: unknown = JSON.parse(line);
  const data: unknown = typeof report === "object" && report !== null ? Reflect.get(report, "data") : undefined;
  if (typeof data === "number" && data > 0) return data;
  const message: unknown = typeof report === "object" && report !== null ? Reflect.get(report, "message") : undefined;
  throw new CreateFailed(typeof message === "string" ? message : line);
}

async function firstLine(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += String(chunk);
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  return text;
}

/** A process by its number, with what tells it from a later one. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTime: processStartTime(pid) ?? 0 };
}

/** True while the very process runs. */
export function isAlive(identity: ProcessIdentity | undefined): identity is ProcessIdentity {
  return identity !== undefined && processStartTime(identity.pid) === identity.startTime;
}

/**
 * Monitors detach from whoever starts them and become children of the nearest process that adopts orphans: this daemon,
 * which must take their ends, or zombies pile up. Does nothing for a monitor of an earlier daemon.
 */
export async function reapMonitor(monitor: ProcessIdentity | undefined): Promise<void> {
  if (monitor === undefined) return;
  if (isAlive(monitor)) await waitForProcess(monitor.pid);
  reapProcess(monitor.pid);
}

/** The monitor of a create that failed; it wrote its pid before it called the runtime. */
function reapFailed(pidFile: string): void {
  try {
    const pid = Number(readFileSync(pidFile, "utf8"));
    void reapMonitor(identify(pid));
  } catch {
    // It did not come that far: nothing was detached.
  }
}

/** fd 3 is for conmon's report, fd 4 tells it to begin; only the child keeps the former. */
function startConmon(args: readonly string[], call: Pick<QuickCall, "file" | "cwd" | "fds">): QuickChild {
  try {
    return quickSpawn({ ...call, args, env: { ...RUNTIME_ENVIRONMENT, _OCI_SYNCPIPE: "3", _OCI_STARTPIPE: "4" } });
  } finally {
    const report = call.fds[3];
    if (typeof report === "number") closeSync(report);
  }
}

/**
 * Lets conmon create a container from its bundle. conmon outlives us: it holds the container's streams, writes its log,
 * and leaves its exit code in a file. @throws {CreateFailed} with what the runtime said
 */
export async function createContainer(
  id: string,
  paths: ContainerPaths,
  layout: Layout,
  call: ConmonCall,
): Promise<Created> {
  const complaints = openSync(join(paths.bundle, "conmon.log"), "a", 0o600);
  const [report, go] = [openPipe(), openPipe()];
  const said = pipeStream(report.readEnd, "readable");
  let giveUp = (): void => undefined;
  try {
    // One byte lets conmon begin: it is there before conmon is.
    writeSync(go.writeEnd, "\0");
    const { pid: starter, ended } = startConmon(conmonArguments(id, paths, layout, call), {
      file: call.runtime.conmon,
      cwd: paths.bundle,
      fds: ["ignore", "ignore", complaints, report.writeEnd, go.readEnd],
    });
    giveUp = () => endCreate(starter, paths.monitorPidFile);
    call.signal.addEventListener("abort", giveUp);
    const line = await firstLine(said);
    // The half of conmon that we started writes the monitor's pid and ends; on a busy machine it may be behind the report.
    await ended;
    const pid = parseReport(line);
    return { init: identify(pid), monitor: identify(Number(readFileSync(paths.monitorPidFile, "utf8"))) };
  } catch (error) {
    reapFailed(paths.monitorPidFile);
    throw error;
  } finally {
    call.signal.removeEventListener("abort", giveUp);
    said.destroy();
    closeSync(complaints);
    closePipe(go);
  }
}

/** The stream socket of a container: packets of one stream byte and data come in, raw bytes go out. */
export function connectStreams(paths: ContainerPaths): Socket {
  return connectPacketSocket(paths.bundle, "attach");
}

/**
 * What `crun start` does when a spec has no hooks, as ours: the container's init waits for one byte from a fifo, which is
 * removed first, for its being there means "created". Saves a process of 3 ms. False when there is no such fifo.
 */
function releaseInit(fifo: string): boolean {
  let fd: number;
  try {
    fd = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return false; // another crun's protocol: let it do that
  }
  try {
    unlinkSync(fifo);
    writeSync(fd, "\0");
    return true;
  } finally {
    closeSync(fd);
  }
}

/** Runs the created container's program. @throws {CreateFailed} */
export async function startProgram(id: string, paths: ContainerPaths, layout: Layout, runtime: Runtime): Promise<void> {
  if (runtime.name === "crun" && releaseInit(join(layout.runtimeState, id, "exec.fifo"))) return;
  const args = ["--root", layout.runtimeState, "--log", paths.runtimeLog, "--log-format", "json", "start", id];
  const { code, stderr } = await runProgram({ file: runtime.file, args, env: RUNTIME_ENVIRONMENT });
  if (code !== 0) throw new CreateFailed(stderr.toString());
}

/**
 * Removes what a runtime keeps of a container, cgroups and state, and kills what still runs in it. Idempotent. After a
 * plain exit there is nothing left to kill: two directories go by our own hand, which saves the start of a process
 * before a `--rm` is answered. What lives on, or nested cgroups, are the runtime's affair.
 */
export async function deleteContainer(
  document: Pick<ContainerDocument, "id" | "hostConfig">,
  layout: Layout,
  runtime: Runtime,
): Promise<void> {
  const { id } = document;
  if (removeCgroup(cgroupOf(document))) {
    await rm(join(layout.runtimeState, id), { recursive: true, force: true });
    return;
  }
  await forceDelete(id, layout, runtime);
}

/** The runtime's own removal: kills what lives, and takes away cgroups wherever they are. Does nothing for an unknown id. */
export async function forceDelete(id: string, layout: Layout, runtime: Runtime): Promise<void> {
  await runProgram({
    file: runtime.file,
    args: ["--root", layout.runtimeState, "delete", "--force", id],
    env: RUNTIME_ENVIRONMENT,
  });
}
