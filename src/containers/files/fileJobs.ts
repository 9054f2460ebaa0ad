/** What the thread that works on containers' files is told, and what it tells. */
import type { EncodedError } from "#errors";
import type { ViewMount } from "#host";

/** A container's root as `docker cp` sees it: with volumes, without what only its processes see. */
export interface ViewSource {
  /** The merged root, mounted on the host. */
  readonly path: string;
  readonly readOnly: boolean;
  readonly mounts: readonly ViewMount[];
}

/** Tells of a path. */
export interface StatJob {
  readonly kind: "stat";
  readonly view: ViewSource;
  /** As the client wrote it; absolute or relative to the root. */
  readonly path: string;
}

/** Tells of a path (`started`), then writes it and what is below it as a tar. */
export interface ArchiveJob {
  readonly kind: "archive";
  readonly view: ViewSource;
  readonly path: string;
}

/** Unpacks a plain tar, which comes as input, into a directory. */
export interface ExtractJob {
  readonly kind: "extract";
  readonly view: ViewSource;
  readonly path: string;
  /** Where writing is another matter than in the root. */
  readonly volumes: readonly { readonly destination: string; readonly readOnly: boolean }[];
  readonly noOverwriteDirNonDir: boolean;
  /** Whose everything becomes; undefined: as the archive says. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

/** Writes a whole directory as a tar, without its root; `overlay`: whiteouts as a layer has them. */
export interface TreeJob {
  readonly kind: "tree";
  readonly path: string;
  readonly overlay: boolean;
}

/** Compares a top with what it stands on. */
export interface ChangesJob {
  readonly kind: "changes";
  readonly upper: string;
  readonly lowers: readonly string[];
}

export type FileJob = StatJob | ArchiveJob | ExtractJob | TreeJob | ChangesJob;

/** `X-Docker-Container-Path-Stat`, before it is written as JSON. */
export interface PathStat {
  readonly name: string;
  readonly size: number;
  /** Go's FileMode. */
  readonly mode: number;
  /** RFC 3339 with nanoseconds, as Go writes it. */
  readonly mtime: string;
  readonly linkTarget: string;
}

/** One row of `GET /containers/{id}/changes`: 0 changed, 1 added, 2 deleted. */
export interface PathChange {
  readonly Path: string;
  readonly Kind: 0 | 1 | 2;
}

export type FileResult = PathStat | readonly PathChange[] | undefined;

/** From the thread, in this order: at most one `started`, chunks and acknowledgements, one end. */
export type FileMessage =
  | { readonly kind: "started"; readonly stat: PathStat }
  | { readonly kind: "chunk"; readonly bytes: Uint8Array }
  /** A chunk of the input was taken. */
  | { readonly kind: "taken" }
  | { readonly kind: "done"; readonly result: FileResult }
  | { readonly kind: "failed"; readonly error: EncodedError };

/** To the thread: the input. */
export type FileInput = { readonly bytes: Uint8Array | undefined };

/** What both sides share: int32 cells. */
export const CELLS = { STOP: 0, WAKE: 1, CREDITS: 2, COUNT: 3 } as const;
/** Chunks that may be on their way, either way. */
export const WINDOW = 8;
