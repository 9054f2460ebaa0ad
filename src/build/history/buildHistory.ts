import type { SolveStatus } from "#engineapi";

/** How a build began, as far as it is worth remembering. */
export interface HistoryStart {
  /** The client's name for it; unique. */
  readonly ref: string;
  readonly frontend: string;
  /** What the frontend was asked, build arguments too. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly exports: readonly { readonly type: string; readonly attributes: Readonly<Record<string, string>> }[];
}

/** A build that runs or ended. Times are ms since 1970. */
export interface BuildRecord extends HistoryStart {
  readonly createdAt: number;
  /** undefined while it runs. */
  readonly completedAt: number | undefined;
  readonly error: { readonly category: string; readonly message: string } | undefined;
  /** What its exports told. */
  readonly response: Readonly<Record<string, string>>;
  readonly totalSteps: number;
  readonly cachedSteps: number;
  readonly completedSteps: number;
  readonly warnings: number;
  /** Stays until it is removed by name. */
  readonly isPinned: boolean;
}

/** A build while it runs. */
export interface RunningBuild {
  add(status: SolveStatus): void;
  finish(outcome: {
    readonly response?: Readonly<Record<string, string>>;
    readonly error?: { readonly category: string; readonly message: string };
  }): void;
}

/** What happened to a record. */
export type HistoryEvent = "started" | "completed" | "removed";

/**
 * Builds that were, with what they showed: the last 200, in 64 MiB of the data root. A record is written when its build
 * ends; one that a crash cut off is not there afterwards.
 */
export interface BuildHistory {
  /** Newest first, those that run too. */
  list(): readonly BuildRecord[];
  get(ref: string): BuildRecord | undefined;
  /** What a build showed, in order, so far; of very long output the first 8 MiB. Empty for one that is not known. */
  statuses(ref: string): Promise<readonly SolveStatus[]>;
  begin(start: HistoryStart): RunningBuild;
  /** False when there is none. */
  pin(ref: string, isPinned: boolean): boolean;
  /** False when there is none, or it runs. */
  remove(ref: string): boolean;
  /** Calls for every change; the answer ends it. */
  watch(tell: (event: HistoryEvent, record: BuildRecord) => void): () => void;
}
