import type { DiffId } from "#oci";
import type { Filesystem } from "../graph/operation.ts";

/** A vertex whose result is known. */
export interface Known {
  readonly filesystem: Filesystem;
  /** Id of the row, for the rows of what is built on it. */
  readonly record: string | undefined;
  /** Makes the layers be here: those of an image are fetched only when something needs them. Idempotent. */
  realize(): Promise<void>;
}

export type Layers = Extract<Filesystem, { readonly kind: "layers" }>;

export function layersOf(known: Known | undefined): Layers | undefined {
  return known?.filesystem.kind === "layers" ? known.filesystem : undefined;
}

/** The stack of a step's base with the one layer that the step made. */
export function above(base: Layers | undefined, own: DiffId, createdAt: number): Layers {
  const below = base?.diffIds ?? [];
  return {
    kind: "layers",
    diffIds: [...below, own],
    createdAt: [...(base?.createdAt ?? below.map(() => undefined)), createdAt],
  };
}
