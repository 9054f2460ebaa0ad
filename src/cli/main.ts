import { enableCompileCache } from "node:module";
import { join } from "node:path";

// Halves the start-up: types are stripped and code compiled once. The cache lies in our own tree, never in a shared /tmp,
// because what is read from it is run. A tree that we may not write to just goes without.
enableCompileCache(join(import.meta.dirname, "../../node_modules/.cache/varve"));

// A reader that goes away (`varve images | head -1`) ends us quietly, as SIGPIPE ends C programs.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  process.stderr.write(`varve: write to stdout: ${error.message}\n`);
  process.exit(1);
});

const { runProgram } = await import("./core/program.ts");
process.exitCode = await runProgram(process.argv.slice(2));
