import { EngineError, ErrorCode } from "#errors";
import type { TarEntry, TarLimits } from "./entry.ts";

export const DEFAULT_TAR_LIMITS: TarLimits = {
  maxEntries: 5_000_000,
  maxExtendedHeaderBytes: 1 << 20,
  maxMetadataBytes: 1 << 30,
  maxSparseExtents: 1_000_000,
};

const EXTENT_BYTES = 16;

/** Counts what one archive has used up of its {@link TarLimits}. */
export class TarBudget {
  readonly #limits: TarLimits;
  #entries = 0;
  #metadataBytes = 0;

  constructor(limits: Partial<TarLimits> = {}) {
    this.#limits = { ...DEFAULT_TAR_LIMITS, ...limits };
  }

  get maxSparseExtents(): number {
    return this.#limits.maxSparseExtents;
  }

  extendedHeader(bytes: number): void {
    within("maxExtendedHeaderBytes", bytes, this.#limits.maxExtendedHeaderBytes);
  }

  sparseExtents(count: number): void {
    within("maxSparseExtents", count, this.#limits.maxSparseExtents);
  }

  entry(entry: TarEntry): void {
    this.#entries += 1;
    within("maxEntries", this.#entries, this.#limits.maxEntries);
    this.#metadataBytes += metadataBytes(entry);
    within("maxMetadataBytes", this.#metadataBytes, this.#limits.maxMetadataBytes);
  }
}

function metadataBytes(entry: TarEntry): number {
  let bytes = entry.path.length + entry.linkPath.length + (entry.sparse?.length ?? 0) * EXTENT_BYTES;
  for (const [name, value] of entry.xattrs ?? []) bytes += name.length + value.length;
  return bytes;
}

function within(bound: keyof TarLimits, value: number, limit: number): void {
  if (value <= limit) return;
  throw new EngineError("resource_exhausted", ErrorCode.TAR_LIMIT, `tar exceeds ${bound}: ${value} > ${limit}`, {
    details: { bound, value, limit },
  });
}
