import type { DiffId } from "#oci";
import type { BuildLease } from "./handler.ts";

/** Results of steps that another machine made: `--cache-from`. */
export interface ImportedSteps {
  /**
   * The step's own layer of some cache, brought here; undefined: no cache has it, or it could not be had (a cache never
   * fails a build).
   */
  bring(
    key: string,
    options: { readonly lease: BuildLease; readonly signal: AbortSignal },
  ): Promise<ImportedStep | undefined>;
}

export interface ImportedStep {
  readonly diffId: DiffId;
  /** When the step was done, ms since 1970. */
  readonly createdAt: number;
}

/** A step of a build that is done, for `--cache-to`. */
export interface DoneStep {
  /** Its cache key. */
  readonly key: string;
  /** The whole stack, its own layer last. */
  readonly diffIds: readonly DiffId[];
  /** ms since 1970 */
  readonly createdAt: number;
}
