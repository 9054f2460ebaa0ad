import type { Operation } from "./operation.ts";

/**
 * A node of the build graph. Vertices are shared: the same step reached on two ways is one object. `digest` is the hash
 * of the definition (operation and inputs' digests), which is how progress names a step; the cache key is another thing
 * and made by the solver from what the inputs turned out to be.
 */
export interface Vertex {
  /** `sha256:…` of operation, inputs and platform */
  readonly digest: string;
  /** As BuildKit prints it: `[builder 2/5] RUN make`. */
  readonly name: string;
  readonly operation: Operation;
  readonly inputs: readonly Vertex[];
  /** `--no-cache`: neither looked up nor shared; the result is recorded all the same. */
  readonly ignoreCache: boolean;
  /** For errors and `--explain`: where in the Dockerfile. */
  readonly location: SourceLocation | undefined;
  /** The instruction as written: what history's created_by is made of, and what `--explain` shows. */
  readonly instruction: string;
  /** Not shown in progress (an empty base). */
  readonly hidden?: boolean;
}

/** Lines count from 1, ends included. */
export interface SourceLocation {
  readonly filename: string;
  readonly text: string;
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
}
