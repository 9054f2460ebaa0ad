import type { Descriptor } from "#oci";
import { readSpan } from "./fileSpan.ts";
import type { FileSpan } from "./fileSpan.ts";

/** How the stored bytes of one layer are reached, compressed or not. */
export interface LayerBytes {
  /** As a manifest names them; undefined when there is no manifest. */
  readonly descriptor: Descriptor | undefined;
  /** Where they lie in a file; undefined for those of a registry. */
  readonly span: FileSpan | undefined;
  /** From the first to the last. Chunks are valid until the next is asked for. */
  open(signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** From an offset on, as {@link open}; for the few bytes of an index. */
  openAt(offset: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** A layer that lies in a file. */
export function bytesOfSpan(span: FileSpan, descriptor?: Descriptor): LayerBytes {
  return {
    descriptor,
    span,
    open: (signal) => readSpan(span, { signal }),
    openAt: (offset, signal) => readSpan(span, { offset, signal }),
  };
}
