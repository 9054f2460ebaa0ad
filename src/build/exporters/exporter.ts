import type { BuildPlan } from "../plan.ts";
import type { BuiltTarget } from "../buildService.ts";
import type { BuildLease, StepProgress } from "../graph/handler.ts";
import type { DoneStep } from "../graph/importedSteps.ts";
import type { BuildRequest } from "../request.ts";

/** What becomes of a result: images, archives, trees. */
export interface Exporter {
  /**
   * All exports of the request, in order; the response of all (`containerimage.digest`, `image.name`, …). Checks
   * attributes of all before it writes anything. @throws {invalid_argument} unknown type or attribute, in BuildKit's words
   */
  export(job: ExportJob): Promise<Readonly<Record<string, string>>>;
}

export interface ExportJob {
  readonly request: BuildRequest;
  readonly plan: BuildPlan;
  readonly targets: readonly BuiltTarget[];
  /** When the build began, ms since 1970. */
  readonly startedAt: number;
  /** Steps that were done or found, for caches. */
  readonly steps: readonly DoneStep[];
  /** Shown as a step: `exporting to image`, with its own status lines. */
  task<T>(name: string, work: (progress: StepProgress) => Promise<T>): Promise<T>;
  readonly lease: BuildLease;
}
