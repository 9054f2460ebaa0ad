import type { SolveStatus, SolveVertex } from "#engineapi";
import type { BuildRecord } from "./buildHistory.ts";

type Counts = Pick<BuildRecord, "totalSteps" | "cachedSteps" | "completedSteps" | "warnings">;

/** Counts the steps of a build as it tells of them. */
export class StepTally {
  readonly #vertexes = new Map<string, SolveVertex>();
  #warnings = 0;

  get counts(): Counts {
    const all = [...this.#vertexes.values()];
    return {
      totalSteps: all.length,
      cachedSteps: all.filter(({ cached }) => cached === true).length,
      completedSteps: all.filter(({ completed, error }) => completed !== undefined && error === undefined).length,
      warnings: this.#warnings,
    };
  }

  add({ vertexes = [], warnings = [] }: SolveStatus): void {
    for (const vertex of vertexes) this.#vertexes.set(vertex.digest, vertex);
    this.#warnings += warnings.length;
  }

  /** How what still runs ends when the build fails. */
  end(error: string | undefined): SolveStatus | undefined {
    if (error === undefined) return undefined;
    const completed = new Date().toISOString();
    const vertexes = [...this.#vertexes.values()]
      .filter((vertex) => vertex.started !== undefined && vertex.completed === undefined)
      .map((vertex) => ({ ...vertex, completed, error }));
    if (vertexes.length === 0) return undefined;
    this.add({ vertexes });
    return { vertexes };
  }
}
