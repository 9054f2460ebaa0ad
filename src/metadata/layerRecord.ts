import type { DiffId } from "#oci";

/** A layer in the layer store, as a row. `synced` false until a syncfs after its rename succeeded. */
export interface LayerRecord {
  readonly diffId: DiffId;
  /** Bytes of the uncompressed tar. */
  readonly tarBytes: number;
  /** Sum of the sizes of files and symlink targets. */
  readonly contentBytes: number;
  /** Bytes of the layer file. */
  readonly fileBytes: number;
  readonly inodes: number;
  /** sha256 (hex) of head and EROFS metadata: what a re-verification compares first. */
  readonly indexDigest: string;
  /** JSON of what a stack must mend (`impliedDirectories`, `lowerHardlinks`, `whiteoutDirectories` of `#layers`). */
  readonly fixups: string;
  readonly synced: boolean;
  readonly createdAt: number;
}
