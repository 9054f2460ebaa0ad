import type { Compression } from "#oci";
import type { EncodedError } from "#errors";
import type { GrowingFile } from "./layer.ts";
import type { Ring } from "./ring.ts";

export type HashAlgorithm = "sha256" | "sha512";

/** Every job watches the same cell; see `StopFlag`. */
interface Stoppable {
  readonly stop: SharedArrayBuffer;
}

/** Decompresses a blob into a ring. */
export interface InflateJob extends Stoppable {
  readonly kind: "inflate";
  readonly source: FileSource;
  readonly compression: Exclude<Compression, "none">;
  readonly ring: Ring;
}

/** Where a worker's bytes come from: another thread's ring, or a file that may still grow. */
export type ByteSource = { readonly from: "ring"; readonly ring: Ring } | FileSource;

export interface FileSource {
  readonly from: "file";
  readonly file: GrowingFile;
  /** Float64 0: bytes taken so far, for progress reports. */
  readonly processed?: SharedArrayBuffer;
}

/** Hashes and drops. */
export interface HashJob extends Stoppable {
  readonly kind: "hash";
  readonly source: ByteSource;
  readonly algorithm: HashAlgorithm;
}

/** Hashes a tar, writes it into the layer file `path` (which exists), indexes it. */
export interface IndexJob extends Stoppable {
  readonly kind: "index";
  readonly source: ByteSource;
  readonly path: string;
  readonly algorithm: HashAlgorithm;
  readonly maxTarBytes: number;
}

/** Hashes a layer file that is here: its tar, and its head and metadata. */
export interface VerifyJob extends Stoppable {
  readonly kind: "verify";
  readonly path: string;
  readonly tarBytes: number;
  readonly algorithm: HashAlgorithm;
}

/** Compresses one block of a layer's tar into a whole gzip member or zstd frame at the start of `output`. */
export interface CompressJob extends Stoppable {
  readonly kind: "compress";
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  readonly compression: Exclude<Compression, "none">;
  readonly level: number;
  readonly output: SharedArrayBuffer;
}

interface Jobs {
  inflate: { readonly job: InflateJob; readonly result: { readonly bytes: number } };
  hash: { readonly job: HashJob; readonly result: HashedBytes };
  index: { readonly job: IndexJob; readonly result: IndexedTar };
  verify: { readonly job: VerifyJob; readonly result: VerifiedLayerFile };
  compress: { readonly job: CompressJob; readonly result: CompressedBlock };
}

export type Job = Jobs[keyof Jobs]["job"];
export type ResultOf<J extends Job> = Jobs[J["kind"]]["result"];

export interface HashedBytes {
  readonly hex: string;
  readonly bytes: number;
}

/** What came out of a tar: numbers of the layer file, and what a stack must mend. */
export interface IndexedTar {
  readonly tarHex: string;
  readonly tarBytes: number;
  readonly contentBytes: number;
  readonly fileBytes: number;
  readonly inodes: number;
  /** sha256, hex, of head and metadata. */
  readonly indexDigest: string;
  readonly impliedDirectories: readonly string[];
  readonly lowerHardlinks: readonly { readonly path: string; readonly target: string }[];
  readonly whiteoutDirectories: readonly string[];
  /** What was left out or replaced, bounded. */
  readonly warnings: readonly string[];
}

export interface VerifiedLayerFile {
  readonly tarHex: string;
  readonly indexDigest: string;
  /** Copies of sparse files stand between tar and metadata; no digest covers them, they can only be made again. */
  readonly hasSpill: boolean;
}

export interface CompressedBlock {
  /** How much of the output is filled. */
  readonly bytes: number;
}

/** What a worker answers to one job. */
export type JobAnswer<J extends Job = Job> =
  | { readonly ok: true; readonly result: ResultOf<J> }
  | { readonly ok: false; readonly error: EncodedError };
