import assert from "node:assert/strict";
import { closeSync } from "node:fs";
import { test } from "node:test";
import { openPipe, pipeStream } from "./pipes.ts";
import { reapProcess } from "./processes.ts";
import { startQuick } from "./quickSpawn.ts";
import { parseFailure, REPORT_BYTES, SyscallProgram } from "./syscallProgram.ts";

/** What a program writes to fd 1, and to fd 4. */
async function run(program: SyscallProgram): Promise<{ readonly output: string; readonly report: Buffer }> {
  const [out, report] = [openPipe(), openPipe()];
  const file = program.open();
  const fds = ["ignore", out.writeEnd, "ignore", "ignore", report.writeEnd] as const;
  startQuick({ file: `/proc/self/fd/${file}`, args: [], env: {}, fds });
  for (const fd of [file, out.writeEnd, report.writeEnd]) closeSync(fd);
  const read = async (fd: number): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of pipeStream(fd, "readable")) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };
  const [output, reported] = await Promise.all([read(out.readEnd), read(report.readEnd)]);
  return { output: output.toString(), report: reported };
}

const AT_FDCWD = -100;

test("program: calls are made in order; one that is missing skips, an optional one may fail", async () => {
  const program = new SyscallProgram();
  const say = (text: string): void => program.call("write", [1, program.text(text), text.length]);
  say("a");
  program.call("faccessat", [AT_FDCWD, program.text("/nonexistent/x"), 0], { skipWhenMissing: 1 });
  say("b");
  program.call("chdir", [program.text("/dev/null")], { skipWhenMissing: 1 });
  say("c");
  program.call("close", [99], { optional: true });
  say("d");
  program.call("faccessat", [AT_FDCWD, program.text("/"), 0], { skipWhenMissing: 1 });
  say("e");
  program.call("exit_group", [0]);
  assert.deepEqual(await run(program), { output: "ade", report: Buffer.alloc(0) });
});

test("program: a failure ends it and is reported by step and errno", async () => {
  const program = new SyscallProgram();
  program.call("write", [1, program.text("a"), 1]);
  program.call("close", [99]);
  program.call("write", [1, program.text("b"), 1]);
  const { output, report } = await run(program);
  assert.equal(output, "a");
  assert.equal(report.byteLength, REPORT_BYTES);
  assert.deepEqual(parseFailure(report), { step: 1, errno: 9 });
});

test("program: a fork goes on in the child, the parent ends by its own steps; programs are executed", async () => {
  const program = new SyscallProgram();
  const report = program.bytes(Buffer.alloc(REPORT_BYTES));
  const CLONE_PARENT = 0x8000;
  const CLONE_PARENT_SETTID = 0x100000;
  const SIGCHLD = 17;
  program.fork(
    "clone",
    [CLONE_PARENT | CLONE_PARENT_SETTID | SIGCHLD, 0, { offset: report.offset + 8 }, 0, 0],
    [
      ["write", [4, report, REPORT_BYTES]],
      ["exit_group", [0]],
    ],
  );
  program.call("execve", [
    program.text("/bin/sh"),
    program.texts(["sh", "-c", "echo $PPID $VALUE"]),
    program.texts(["VALUE=of a variable"]),
  ]);
  const ran = await run(program);
  assert.equal(ran.output, `${process.pid} of a variable\n`);
  assert.equal(parseFailure(ran.report), undefined);
  const pid = ran.report.readUInt32LE(8);
  assert.ok(pid > 0);
  for (let attempt = 0; reapProcess(pid) === undefined; attempt += 1) {
    assert.ok(attempt < 1000, "it is a child of this process");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});
