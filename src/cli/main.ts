// A reader that goes away (`varve images | head -1`) ends us quietly, as SIGPIPE ends C programs.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  process.stderr.write(`varve: write to stdout: ${error.message}\n`);
  process.exit(1);
});

const { runProgram } = await import("./core/program.ts");
process.exitCode = await runProgram(process.argv.slice(2));
