import type { RestartPolicy } from "../request/restartPolicy.ts";

/** How a run ended. */
export interface EndedRun {
  readonly exitCode: number;
  /** How long the run was. */
  readonly ranMs: number;
  /** Restarts since a person last started the container. */
  readonly restartCount: number;
  /** A person stopped or killed it. */
  readonly stoppedByUser: boolean;
}

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 60_000;
/** After a run of this length the delay begins anew. */
const GOOD_RUN_MS = 10_000;

/** Whether the policy starts the container again, apart from `stoppedByUser` in the present daemon's life. */
export function policyRestarts({ Name, MaximumRetryCount }: RestartPolicy, run: EndedRun): boolean {
  switch (Name) {
    case "no":
      return false;
    case "always":
      return true;
    case "unless-stopped":
      return !run.stoppedByUser;
    case "on-failure":
      return run.exitCode !== 0 && (MaximumRetryCount === 0 || run.restartCount < MaximumRetryCount);
  }
}

/** How long to wait before the next start; `last` is what was waited before the run, 0 for its first start (moby `restartmanager`). */
export function nextDelayMs(last: number, ranMs: number): number {
  if (last === 0 || ranMs > GOOD_RUN_MS) return FIRST_DELAY_MS;
  return Math.min(last * 2, MAX_DELAY_MS);
}
