import type { StepProgress } from "../graph/handler.ts";

/** Work that is shown as one line, without numbers. */
export async function shown<T>(progress: StepProgress, line: string, work: () => Promise<T>): Promise<T> {
  progress.status(line, { current: 0 });
  const result = await work();
  progress.status(line, { current: 0, done: true });
  return result;
}
