import { runProgram } from "./core/program.ts";

// A reader that goes away (`varve images | head -1`) ends us quietly, as SIGPIPE ends C programs.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

process.exitCode = await runProgram(process.argv.slice(2));
