import type { EncodedError } from "#errors";
import type { TarFeed } from "#layers";
import type { FileTask, TreeLocation } from "./fileTask.ts";
import type { SmallFile } from "./readSmallFile.ts";
import type { SourceDigests } from "./sourceDigest.ts";

/** Work for a thread of this folder. */
export type FileJob =
  /** `token`: what was read is kept at hand for the job "make" with the same one, for a while. */
  | { readonly kind: "digest"; readonly task: FileTask; readonly token: string | undefined }
  | {
      readonly kind: "make";
      readonly task: FileTask;
      readonly token: string | undefined;
      /** Of the sources when the key was made. */
      readonly digests: readonly string[];
      /** Takes the layer's tar. */
      readonly feed: TarFeed;
    }
  /** latin1 path */
  | { readonly kind: "read"; readonly tree: TreeLocation; readonly path: string; readonly maxBytes: number };

export interface FileJobResults {
  readonly digest: SourceDigests;
  readonly make: undefined;
  readonly read: SmallFile;
}

/** A job on its way to a thread. */
export interface PostedFileJob {
  readonly job: FileJob;
  readonly cells: SharedArrayBuffer;
}

export type FileJobMessage =
  /** `heapBytes`: what the thread's collector has taken by now. */
  | { readonly kind: "done"; readonly result: FileJobResults[keyof FileJobResults]; readonly heapBytes: number }
  | { readonly kind: "failed"; readonly error: EncodedError };

/** Int32 0: 1 = stop. */
export const CELL_BYTES = 4;
export const STOP_CELL = 0;
