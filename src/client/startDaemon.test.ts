import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { isListening, startDaemon } from "./startDaemon.ts";
import type { DaemonStart } from "./startDaemon.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "varve-start-"));
});

/** Listens, notes that it started, and ends at the word `quit` or after 20 s. */
const PROGRAM = `
const { appendFileSync } = require("node:fs");
const [socketPath, notes] = process.argv.slice(1);
appendFileSync(notes, "started\\n");
setTimeout(() => {
  const server = require("node:net").createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => process.exit(0));
  });
  server.listen(socketPath);
}, 50);
setTimeout(() => process.exit(0), 20_000);
`;

function daemon(program: string = PROGRAM): DaemonStart {
  const socketPath = join(folder, "d.sock");
  return {
    socketPath,
    command: [process.execPath, "-e", program, socketPath, join(folder, "notes")],
    logPath: join(folder, "log/daemon.log"),
    lockPath: join(folder, "run/start.lock"),
  };
}

async function quit(socketPath: string): Promise<void> {
  const gone = Promise.withResolvers<void>();
  const socket = connect(socketPath, () => socket.write("quit"));
  socket.on("error", () => gone.resolve());
  socket.on("close", () => gone.resolve());
  await gone.promise;
}

afterEach(async () => {
  await quit(join(folder, "d.sock"));
  rmSync(folder, { recursive: true });
});

test("start: many at once start one daemon and leave no lock", async () => {
  const start = daemon();
  assert.equal(await isListening(start.socketPath), false);
  await Promise.all([startDaemon(start), startDaemon(start), startDaemon(start), startDaemon(start)]);
  assert.equal(readFileSync(join(folder, "notes"), "utf8"), "started\n");
  assert.equal(existsSync(start.lockPath), false);
  await startDaemon(start);
  assert.equal(readFileSync(join(folder, "notes"), "utf8"), "started\n");
});

test("start: a lock whose holder is dead is taken over", async () => {
  const start = daemon();
  await import("node:fs/promises").then(({ mkdir }) => mkdir(join(folder, "run")));
  // Above the largest pid a kernel gives.
  writeFileSync(start.lockPath, "4194305");
  await startDaemon(start);
  assert.equal(await isListening(start.socketPath), true);
});

test("start: a daemon that fails is told with its last words and where its log is", async () => {
  const start = daemon('console.error("no overlay in this kernel"); process.exit(3)');
  await assert.rejects(startDaemon(start), {
    message: "the varve daemon did not start (exit code 3): no overlay in this kernel",
    hint: `see ${start.logPath}`,
  });
  assert.equal(existsSync(start.lockPath), false);
});

test("start: a daemon that never listens is given up on", async () => {
  const start = { ...daemon("setTimeout(() => undefined, 1000)"), timeoutMs: 100 };
  await assert.rejects(startDaemon(start), { message: /^the varve daemon did not become ready in time/ });
});
