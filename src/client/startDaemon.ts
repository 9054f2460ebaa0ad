import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError, ErrorCode, messageOf } from "#errors";

/** How to bring up a daemon that is not there. */
export interface DaemonStart {
  /** Where it will listen. */
  readonly socketPath: string;
  /** Program and arguments; started detached, so that it outlives us and our terminal. */
  readonly command: readonly string[];
  /** Its stdout and stderr are appended here. */
  readonly logPath: string;
  /** Held while one of us starts it; the file holds our pid. */
  readonly lockPath: string;
  /** Default 10,000. */
  readonly timeoutMs?: number;
}

const POLL_MS = 20;
const DEFAULT_TIMEOUT_MS = 10_000;

/** Whether a process accepts connections on the socket. */
export async function isListening(socketPath: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(socketPath);
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  const answer = await promise;
  socket.destroy();
  return answer;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return error instanceof Error && Reflect.get(error, "code") === "EPERM";
  }
}

/** True when we hold the lock. A lock whose holder is dead is taken away first. */
function takeLock(path: string): boolean {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      return true;
    } catch (error) {
      if (!(error instanceof Error) || Reflect.get(error, "code") !== "EEXIST") throw error;
      const pid = Number(readHolder(path));
      // An empty file is a holder between open and write.
      if (pid === 0 || isAlive(pid)) return false;
      rmSync(path, { force: true });
    }
  }
  return false;
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Released between our attempt and our look.
    return "";
  }
}

function lastLine(logPath: string): string | undefined {
  return readHolder(logPath).trimEnd().split("\n").at(-1);
}

function failed(start: DaemonStart, why: string): EngineError {
  const said = lastLine(start.logPath);
  return new EngineError(
    "unavailable",
    ErrorCode.DAEMON_UNREACHABLE,
    `the varve daemon ${why}${said === undefined || said === "" ? "" : `: ${said}`}`,
    { hint: `see ${start.logPath}` },
  );
}

interface Launched {
  /** Set when it has exited. */
  exit?: string;
}

function launch(start: DaemonStart): Launched {
  const [program = "", ...args] = start.command;
  mkdirSync(dirname(start.logPath), { recursive: true });
  const log = openSync(start.logPath, "a", 0o640);
  const state: Launched = {};
  const child = process
    .getBuiltinModule("node:child_process")
    .spawn(program, args, { detached: true, stdio: ["ignore", log, log], cwd: "/" });
  closeSync(log);
  child.once("error", (error) => {
    state.exit = messageOf(error);
  });
  child.once("exit", (code, signal) => {
    state.exit = signal === null ? `exit code ${code}` : signal;
  });
  child.unref();
  return state;
}

async function waitUntilReady(start: DaemonStart, launched: Launched, deadline: number): Promise<void> {
  while (!(await isListening(start.socketPath))) {
    if (launched.exit !== undefined) throw failed(start, `did not start (${launched.exit})`);
    if (Date.now() > deadline) throw failed(start, "did not become ready in time");
    await delay(POLL_MS);
  }
}

/**
 * Starts the daemon and resolves when it accepts connections. Any number of callers at once start one daemon: who does
 * not get the lock waits for the other's. Resolves at once when one is listening.
 * @throws {unavailable} with the log's last line and a hint to the log; {permission_denied} when we may not start one.
 */
export async function startDaemon(start: DaemonStart): Promise<void> {
  const deadline = Date.now() + (start.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  for (;;) {
    if (await isListening(start.socketPath)) return;
    if (acquire(start)) break;
    if (Date.now() > deadline) throw failed(start, "did not become ready in time");
    await delay(POLL_MS);
  }
  try {
    // The holder before us may have finished between our look and our lock.
    if (await isListening(start.socketPath)) return;
    await waitUntilReady(start, launch(start), deadline);
  } finally {
    rmSync(start.lockPath, { force: true });
  }
}

function acquire(start: DaemonStart): boolean {
  try {
    mkdirSync(dirname(start.lockPath), { recursive: true });
    return takeLock(start.lockPath);
  } catch (cause) {
    throw new EngineError(
      "permission_denied",
      ErrorCode.DAEMON_UNREACHABLE,
      `Cannot connect to the Docker daemon at unix://${start.socketPath}. Is the docker daemon running?`,
      { cause, hint: `varve could not start its daemon itself: ${messageOf(cause)}; run: sudo varve daemon` },
    );
  }
}
