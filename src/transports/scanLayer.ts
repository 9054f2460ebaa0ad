import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { LayerTree, walkTree } from "#erofs";
import type { LayerIndex, TreeData } from "#erofs";
import { EngineError, ErrorCode, wrapError } from "#errors";
import { entriesOfTree, withLowerHardlinks } from "#analysis";
import type { LayerEntry } from "#analysis";
import { algorithmOf, hexOf } from "#oci";
import type { Descriptor, DiffId, Digest } from "#oci";
import { TarScanner } from "#tar";
import { readAt, throwIfAborted } from "./fileSpan.ts";
import type { FileSpan } from "./fileSpan.ts";

/** What reading a layer's headers gave. */
export interface ScannedLayer {
  readonly entries: readonly LayerEntry[];
  /** Where the bytes of each regular file lie in the plain tar, by every name it has. */
  readonly files: ReadonlyMap<string, TreeData>;
  /** Names of files that lower layers have: path → their path there. */
  readonly lowerHardlinks: ReadonlyMap<string, string>;
  /** Of an eStargz layer: by the `offset` of {@link files}, where a file's bytes lie in the blob. */
  readonly chunks?: readonly (readonly StargzChunk[])[];
}

/** A run of a file's bytes, in a gzip member of its own (or behind `skip` bytes of others). */
export interface StargzChunk {
  /** Where the member begins in the blob. */
  readonly offset: number;
  readonly skip: number;
  readonly size: number;
  readonly digest: Digest;
}

const WINDOW_BYTES = 1 << 16;

/** Gathers a layer's tree while its tar goes by. */
export class LayerScan {
  readonly scanner: TarScanner;
  readonly #tree = new LayerTree();

  constructor() {
    this.scanner = new TarScanner({ onEntry: (entry) => this.#tree.add(entry) });
  }

  finish(): ScannedLayer {
    this.scanner.finish();
    return scannedLayerOf(this.#tree.finish());
  }
}

export function scannedLayerOf(index: LayerIndex): ScannedLayer {
  const files = new Map<string, TreeData>();
  for (const { path, data } of walkTree(index)) if (data !== undefined) files.set(path, data);
  const { lowerHardlinks } = index;
  return {
    entries: withLowerHardlinks(entriesOfTree(index), lowerHardlinks),
    files,
    lowerHardlinks: new Map(lowerHardlinks.map(({ path, target }) => [path, target])),
  };
}

/** Reads headers only: the data between them is stepped over. */
export async function scanHeaders(span: FileSpan, scanner: TarScanner, signal?: AbortSignal): Promise<void> {
  for (let at = 0; at < span.size && !scanner.ended; ) {
    throwIfAborted(signal);
    const skipped = Math.min(scanner.ahead, span.size - at);
    scanner.skip(skipped);
    at += skipped;
    if (at === span.size) break;
    const chunk = await readAt(span, at, WINDOW_BYTES);
    scanner.push(chunk);
    at += chunk.length;
  }
}

/** Holds bytes that go by to a digest and a length. */
export class DigestCheck {
  readonly #hash: Hash;
  readonly #expected: Digest | DiffId;
  #bytes = 0;

  constructor(expected: Digest | DiffId) {
    this.#expected = expected;
    this.#hash = createHash(algorithmOf(expected));
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  /** @throws {data_loss} DIGEST_MISMATCH in dockerd's words */
  finishDiffId(index: number): void {
    const actual = this.#actual();
    if (actual === undefined) return;
    mismatch(`invalid diffID for layer ${index}: expected "${this.#expected}", got "${actual}"`);
  }

  /** @throws {data_loss} DIGEST_MISMATCH, SIZE_MISMATCH */
  finishBlob(descriptor: Descriptor): void {
    if (this.#bytes !== descriptor.size) {
      const message = `blob ${descriptor.digest}: ${this.#bytes} bytes, its descriptor says ${descriptor.size}`;
      throw new EngineError("data_loss", ErrorCode.SIZE_MISMATCH, message);
    }
    const actual = this.#actual();
    if (actual !== undefined) mismatch(`blob ${descriptor.digest}: its bytes hash to ${actual}`);
  }

  /** undefined when it is the expected one. */
  #actual(): string | undefined {
    const hex = this.#hash.digest("hex");
    return hex === hexOf(this.#expected) ? undefined : `${algorithmOf(this.#expected)}:${hex}`;
  }
}

function mismatch(message: string): never {
  throw new EngineError("data_loss", ErrorCode.DIGEST_MISMATCH, message);
}

/** Names the layer in whatever went wrong with it. */
export function inLayer(error: unknown, index: number): EngineError {
  return wrapError(error, `layer ${index}`);
}
