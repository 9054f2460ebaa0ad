import type { Variables } from "#dockerfile";
import type { PlanContext } from "./planContext.ts";
import type { StageState } from "./stage.ts";
import { prefixed, shownInstruction } from "./stepNames.ts";

export interface StepNameOptions {
  readonly isOnBuild: boolean;
  /** RUN: quotes and unset variables stay. */
  readonly isRun?: boolean;
  /** Default: the stage's environment. */
  readonly variables?: Variables;
}

/** The next step's name: `[builder 2/5] RUN make`. Counts the step. */
export function stepName(context: PlanContext, state: StageState, text: string, options: StepNameOptions): string {
  const variables = options.variables ?? state.environment;
  if (state.stepTotal > 0) state.stepIndex += 1;
  const shown = shownInstruction(text, variables, context.escape, options.isRun ?? false);
  const place = {
    stage: state.name,
    index: state.stepIndex,
    total: state.stepTotal,
    platform: context.options.multiPlatform ? state.platform : undefined,
    isOnBuild: options.isOnBuild,
  };
  return prefixed(shown, place, variables);
}
