import type { DisplayOutput } from "./solveDisplay.ts";
import { isCanceled } from "./solveTrace.ts";
import type { SolveTrace, Step } from "./solveTrace.ts";

/** What failed steps wrote, once more, below everything else. `linesOf`: latin1 characters for bytes. */
export function printErrorLogs(
  output: DisplayOutput,
  trace: SolveTrace,
  linesOf: (step: Step) => readonly string[],
): void {
  for (const step of trace.steps) {
    const { error = "", name } = step.vertex;
    if (error === "" || isCanceled(error)) continue;
    output.write(`------\n > ${name}:\n`);
    for (const line of linesOf(step)) output.write(Buffer.from(`${line}\n`, "latin1"));
    output.write("------\n");
  }
}
