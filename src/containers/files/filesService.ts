import type { Digest, Reference } from "#oci";
import type { PathChange, PathStat } from "./fileJobs.ts";

export type { PathChange, PathStat };

/** How an archive is unpacked into a container. */
export interface ExtractOptions {
  /** Refuses to put a directory in the place of something else, or the other way round. */
  readonly noOverwriteDirNonDir: boolean;
  /** All becomes the container's user's. */
  readonly copyUidGid: boolean;
  readonly signal?: AbortSignal;
}

/** What `docker commit` asks. */
export interface CommitRequest {
  readonly reference?: Reference;
  readonly comment: string;
  readonly author: string;
  readonly pause: boolean;
  /** Dockerfile instructions. */
  readonly changes: readonly string[];
  /** A container config that goes before the container's own; undefined: that one. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
}

/**
 * The files of containers, running or not: `docker cp`, `diff`, `export`, `commit`. Work is done by threads; a client that
 * reads or writes slowly holds only its own. What is seen by `stat`, `archive` and `extract` are the root and the volumes
 * upon it, not what only the container's processes see (/proc, tmpfs); the others see the root alone.
 *
 * Every method throws {not_found} CONTAINER_NOT_FOUND.
 */
export interface ContainerFiles {
  /** @throws {not_found} `Could not find the file /x in container y` */
  stat(reference: string, path: string): Promise<PathStat>;
  /** A path and all below it as a tar, whose names start with the path's last part. @throws as `stat`, before the first byte */
  archive(
    reference: string,
    path: string,
    options: { readonly signal?: AbortSignal },
  ): Promise<{ readonly stat: PathStat; readonly body: AsyncIterable<Uint8Array> }>;
  /** Unpacks a tar, plain or compressed, into a directory. @throws as `stat`, {internal} in dockerd's words */
  extract(reference: string, path: string, content: AsyncIterable<Uint8Array>, options: ExtractOptions): Promise<void>;
  /** What the container changed in its image, sorted by path. */
  changes(reference: string): Promise<readonly PathChange[]>;
  /** The whole root as one tar. */
  export(reference: string, options: { readonly signal?: AbortSignal }): Promise<AsyncIterable<Uint8Array>>;
  /** Makes an image of the container's root and config. @throws {conflict} {invalid_argument} */
  commit(reference: string, request: CommitRequest): Promise<Digest>;
  /** Ends the threads. */
  close(): Promise<void>;
}
