import type { Descriptor } from "#oci";
import type { FileSpan } from "./fileSpan.ts";

/** How the stored bytes of one layer are reached, compressed or not. */
export interface LayerBytes {
  /** As a manifest names them; undefined when there is no manifest. */
  readonly descriptor: Descriptor | undefined;
  /** Where they lie in a file; undefined for those of a registry. */
  readonly span: FileSpan | undefined;
  /** From the first to the last. Chunks are valid until the next is asked for. */
  open(signal?: AbortSignal): AsyncIterable<Uint8Array>;
}
