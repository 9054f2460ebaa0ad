import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const program = `
const { surviveErrors } = await import(${JSON.stringify(new URL("./surviveErrors.ts", import.meta.url).href)});
surviveErrors((level, line) => console.log(level, line.split("\\n")[0]));
void Promise.reject(new Error("nobody waits"));
setTimeout(() => { throw new Error("nobody catches"); });
setTimeout(() => console.log("alive"), 50);
`;

test("errors that nobody caught are logged, the process goes on", async () => {
  const args = ["--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  assert.deepEqual(stdout.trim().split("\n"), [
    "error unhandledRejection: Error: nobody waits",
    "error uncaughtException: Error: nobody catches",
    "alive",
  ]);
});
