import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import type { Container } from "../container.ts";
import type { Exec } from "./exec.ts";
import type { ExecOutcome, ExecProcess } from "./execProcess.ts";
import { createExecRunner } from "./execRunner.ts";

const CALL = { command: ["check"], timeoutMs: 5000, maxOutputBytes: 4 } as const;

function runnerOf(process_: Partial<ExecProcess>): ReturnType<typeof createExecRunner> {
  return createExecRunner({
    add: () => ({}) as Exec,
    launch: async () => process_ as ExecProcess,
    failure: async (_exec, said) => new Error(`words for ${said}`),
  });
}

async function* output(...texts: readonly string[]): AsyncGenerator<{ stream: "stdout"; bytes: Uint8Array }> {
  for (const text of texts) yield { stream: "stdout", bytes: Buffer.from(text) };
}

const outcome = (value: ExecOutcome): Promise<ExecOutcome> => Promise.resolve(value);

test("runner: exit code and the first bytes of the output", async () => {
  const ran = await runnerOf({ output: output("abc", "def"), outcome: outcome({ code: 3 }) }).run(
    {} as Container,
    CALL,
  );
  assert.deepEqual(ran, { exitCode: 3, output: "abcd", timedOut: false });
});

test("runner: what the runtime refused is thrown in Docker's words", async () => {
  const runner = runnerOf({ output: output(), outcome: outcome({ refused: "no" }) });
  await assert.rejects(runner.run({} as Container, CALL), { message: "words for no" });
});

test("runner: a command that takes too long is killed", async () => {
  const child = spawn("sleep", ["100"]);
  const ended = once(child, "exit");
  const never = new Promise<never>(() => undefined);
  const hanging: AsyncIterable<never> = { [Symbol.asyncIterator]: () => ({ next: () => never }) };
  let discarded = false;
  const runner = runnerOf({
    output: hanging,
    outcome: never,
    pid: () => child.pid ?? 0,
    discard: () => {
      discarded = true;
    },
  });
  const ran = await runner.run({} as Container, { ...CALL, timeoutMs: 20 });
  assert.deepEqual([ran.timedOut, ran.exitCode, discarded], [true, 137, true]);
  assert.deepEqual(await ended, [null, "SIGKILL"]);
});
