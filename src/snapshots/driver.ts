import type { DiffId } from "#oci";
import type { DriverInfo } from "./snapshotter.ts";

/** A committed snapshot as a driver sees it. */
export interface CommittedLayer {
  /** Directory under `overlay2/`. */
  readonly id: string;
  readonly diffId: DiffId;
  /** diffIDs of the layers below, base first. */
  readonly below: readonly DiffId[];
}

/** One lower directory of an overlay. */
export interface LayerDirectory {
  readonly path: string;
  /** A short name relative to `overlay2/`, for old kernels that want all mount options in one page. */
  readonly short: string;
}

/** How committed layers come to lie in directories that overlayfs can stack. The snapshotter calls one at a time for a layer. */
export interface LayerDriver {
  readonly name: DriverInfo["name"];
  readonly backend: DriverInfo["backend"];
  /** Does what is slow, so that a later `attach` is not. Idempotent; an aborted or killed one is simply run again. */
  prepare(layer: CommittedLayer, signal?: AbortSignal): Promise<void>;
  /** The layer's directories for a stack, top first, readable when this resolves. Idempotent. */
  attach(layer: CommittedLayer): Promise<readonly LayerDirectory[]>;
  /** Takes back what `attach` mounted, so that the directory can be removed. Idempotent. */
  detach(id: string): Promise<void>;
  /** Ends what works in the background; mounts stay. */
  close(): Promise<void>;
}
