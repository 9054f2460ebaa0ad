/**
 * Progress of a build, in the shape of BuildKit's SolveStatus JSON (`docker buildx build --progress=rawjson`): every
 * message holds full current states, so that a later one replaces an earlier one of the same key. Times are RFC 3339
 * with nanoseconds.
 * @see moby/buildkit client/graph.go
 */
export interface SolveStatus {
  readonly vertexes?: readonly SolveVertex[];
  readonly statuses?: readonly SolveVertexStatus[];
  readonly logs?: readonly SolveVertexLog[];
  readonly warnings?: readonly SolveVertexWarning[];
  /** Ours: only for a build that asked for it. */
  readonly explanations?: readonly SolveExplanation[];
}

/** Why a step had to run. */
export interface SolveExplanation {
  readonly vertex: string;
  readonly name: string;
  readonly reason: "first time" | "inputs changed" | "cache not wanted" | "result gone";
  /** Against the earlier result that is nearest. */
  readonly changes: readonly SolveInputChange[];
}

/** `input` is a path for a file, else the input's name: `instruction`, `base`, `env CC`. Absent: it was or is not there. */
export interface SolveInputChange {
  readonly kind: "value" | "file";
  readonly input: string;
  readonly before?: string;
  readonly after?: string;
}

/** A step. Announced without `started`, then started, then completed; `error` ends with `context canceled` when cancelled. */
export interface SolveVertex {
  readonly digest: string;
  readonly inputs?: readonly string[];
  readonly name: string;
  readonly started?: string;
  readonly completed?: string;
  readonly cached?: boolean;
  readonly error?: string;
}

/** A line under a step, e.g. `transferring context: 59B` (`id` is what is shown); sizes in bytes. */
export interface SolveVertexStatus {
  readonly id: string;
  readonly vertex: string;
  readonly name?: string;
  readonly current: number;
  readonly total?: number;
  readonly timestamp: string;
  readonly started?: string;
  readonly completed?: string;
}

/** Output of a step; `data` is base64, may hold part of a line. */
export interface SolveVertexLog {
  readonly vertex: string;
  /** 1 stdout, 2 stderr */
  readonly stream: number;
  readonly data: string;
  readonly timestamp: string;
}

/** A finding of the Dockerfile checks. `short`, `detail` items: base64. */
export interface SolveVertexWarning {
  readonly vertex: string;
  readonly level: number;
  readonly short: string;
  readonly detail?: readonly string[];
  readonly url?: string;
  readonly sourceInfo?: { readonly filename: string; readonly data: string; readonly language?: string };
  readonly range?: readonly { readonly start: SolvePosition; readonly end: SolvePosition }[];
}

export interface SolvePosition {
  readonly line: number;
  readonly character?: number;
}

/** Where a build tells its progress; never throws, never blocks. */
export type SolveStatusSink = (status: SolveStatus) => void;
