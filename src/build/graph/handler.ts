import type { DiffId, Digest } from "#oci";
import type { BuildSession } from "../session.ts";
import type { Filesystem, Operation } from "./operation.ts";
import type { Vertex } from "./vertex.ts";

/**
 * Knows how to do one kind of operation. The solver calls `keyInputs` when all inputs are finished, looks the key up, and
 * calls `run` only on a miss. Both may run at the same time as other vertices'; equal keys run once in the whole daemon.
 */
export interface OperationHandler<O extends Operation> {
  /**
   * All that the result depends on, by name: `{ instruction: "RUN make", base: "sha256:…", "env CC": "gcc" }`. The cache key
   * is the digest of it. The layers of the base (input 0) may not be here yet: a base is pulled only when something has to
   * run on it, so look at its `diffIds` alone; all other inputs can be read. `undefined`: never cached by key (a local source is read again; its handler reuses what it can).
   */
  keyInputs(step: Step<O>): Promise<KeyInputs | undefined>;
  /** @throws what the step throws; nothing that it made stays visible then. */
  run(step: Step<O>): Promise<Filesystem>;
}

export interface KeyInputs {
  /** Short values as they are; long ones as digests. Sorted by the solver. */
  readonly values: Readonly<Record<string, string>>;
  /**
   * Content of the files that count, so that `--explain` can name the one that changed: a list of `files/fileList.ts`, packed,
   * for there may be many and hardly anybody asks. Not in the key: `values` holds a digest over them.
   */
  readonly files?: Uint8Array;
}

/** A vertex being done. */
export interface Step<O extends Operation> {
  readonly vertex: Vertex;
  readonly operation: O;
  /** In the order of `vertex.inputs`. */
  readonly inputs: readonly Filesystem[];
  readonly session: BuildSession;
  readonly progress: StepProgress;
  /** Keeps what the build needs until it ends: call before the thing becomes visible. */
  readonly lease: BuildLease;
  /**
   * Files of a context changed while they were read: what they hold now is taken, and the result is known by no key.
   * Without it such a step throws SOURCE_CHANGED.
   */
  readonly takesChanges?: true;
  /** Fires when nobody wants the result any more. */
  readonly signal: AbortSignal;
}

export interface BuildLease {
  keepLayer(diffId: DiffId): void;
  keepBlob(digest: Digest): void;
  /** What is no layer and no blob: disposed when the build ends. */
  hold(thing: Disposable): void;
}

/** What a step tells while it runs; the solver adds times and throttles. */
export interface StepProgress {
  /** A line below the step. `total` 0 or absent: not known. Call with `done` once at its end. */
  status(id: string, update: { readonly current: number; readonly total?: number; readonly done?: boolean }): void;
  /** 1 stdout, 2 stderr; raw bytes. */
  log(stream: 1 | 2, data: Uint8Array): void;
}
