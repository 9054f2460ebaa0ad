import { runProgram } from "./program.ts";

/** The whole process: runs the command line and leaves its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that goes away (`varve images | head -1`) ends us quietly, as SIGPIPE ends C programs.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    process.stderr.write(`varve: write to stdout: ${error.message}\n`);
    process.exit(1);
  });
  process.exitCode = await runProgram(argv);
  // Node takes its heap down piece by piece when it ends by itself (1 ms); what a slow reader has not taken yet is waited for.
  if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit();
}
