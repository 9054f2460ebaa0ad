import type { LayerEntry } from "./openImage.ts";

/** What the passes over the tree read: kept apart from the class, whose users need none of it. */
export interface TreeArrays {
  readonly layerCount: number;
  readonly nodeCount: number;
  /** Of each node the parent; of the root itself. */
  readonly parents: Int32Array;
  /** Occurrences of node n: `starts[n]` … `starts[n + 1] - 1`, lowest layer first. */
  readonly starts: Int32Array;
  readonly layers: Int32Array;
  /** Bits of {@link Kind}. */
  readonly kinds: Uint8Array;
  readonly changes: Uint16Array;
  readonly entries: readonly LayerEntry[];
  /** `entries[…].size`, side by side. */
  readonly sizes: Float64Array;
}

export const Kind = { whiteout: 1, directory: 2, opaque: 4, implied: 8 } as const;
