import type { DiffId } from "#oci";

/** What a finished step of a build made: a row of the build cache. Its layers live as long as the row does. */
export interface BuildStepRecord {
  /** `sha256:…` of all that the result depends on; the record's key. */
  readonly key: string;
  /** Name for people and APIs: 25 lower-case letters and digits, as BuildKit's. */
  readonly id: string;
  /** The operation's kind: `exec`, `file`, `image` … */
  readonly kind: string;
  /** Where the step stands in which Dockerfile: earlier results of the same place explain a miss. */
  readonly slot: string;
  readonly description: string;
  /** Ids of the records that it was made from. */
  readonly parents: readonly string[];
  /** The whole stack, base first. */
  readonly diffIds: readonly DiffId[];
  /** Of the step's own layer; of all layers for an image. */
  readonly bytes: number;
  readonly createdAt: number;
  readonly usedAt: number;
  readonly uses: number;
}

/** The build cache's rows; roots of GC. `inputs` is what `build` keeps for its explanations, not looked into here. */
export interface BuildStepRecords {
  get(key: string): BuildStepRecord | undefined;
  /** Longest unused first. */
  list(): readonly BuildStepRecord[];
  /** Last used first. */
  inSlot(slot: string, limit: number): readonly BuildStepRecord[];
  inputs(key: string): Uint8Array | undefined;
  /** Replaces the row of the same key. */
  put(record: BuildStepRecord, inputs: Uint8Array): void;
  /** Counts a use; no row, no error. */
  used(key: string, usedAt: number): void;
  remove(key: string): boolean;
}
