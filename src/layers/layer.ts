import type { Compression, DiffId, Digest } from "#oci";

/** What is known of a layer that is in the store. */
export interface LayerInfo {
  readonly diffId: DiffId;
  /** Bytes of the uncompressed tar, exactly as it came (trailing padding included). */
  readonly tarBytes: number;
  /** Sum of the sizes of files and symlink targets; what `docker history` and `images` show as size. */
  readonly contentBytes: number;
  /** Bytes of the layer file on disk. */
  readonly fileBytes: number;
  readonly inodes: number;
  /**
   * Directories that the tar never names although it puts something below them, hard links into lower layers, and
   * directories that hold whiteouts: what a stack must mend with a fixup layer (ADR 0003). All paths cleaned, latin1.
   */
  readonly impliedDirectories: readonly string[];
  readonly lowerHardlinks: readonly { readonly path: string; readonly target: string }[];
  readonly whiteoutDirectories: readonly string[];
}

/** Bytes that another thread is still writing: a file that grows, and how far it got. */
export interface GrowingFile {
  readonly path: string;
  /** Where the payload starts within the file, bytes. 0 for a blob, 4096 for a tar that is received into a layer file. */
  readonly baseOffset: number;
  /** Shared with workers; see `growingFile.ts` for the cells. */
  readonly progress: SharedArrayBuffer;
}

/** A finished ingest. `blob` describes the bytes that came in; for compression "none" it equals the tar. */
export interface IngestedLayer {
  readonly layer: LayerInfo;
  readonly blob: { readonly digest: Digest; readonly size: number; readonly compression: Compression };
}

/** What the caller already knows; each given value is verified, a difference throws and leaves nothing behind. */
export interface ExpectedLayer {
  readonly diffId?: DiffId;
  readonly blobDigest?: Digest;
  readonly blobSize?: number;
}
