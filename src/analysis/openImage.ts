import type { ErofsEntry } from "#erofs";
import type { Descriptor, DiffId, Digest, HistoryEntry, ImageConfig } from "#oci";

/**
 * One image of one platform, open for looking into: layer by layer, without mount or privilege. Every source gives the
 * same: the store of a daemon, a docker-archive, an OCI layout, a registry. The caller disposes it.
 */
export interface OpenImage extends AsyncDisposable {
  /** As it was asked for: a reference, `docker-archive:FILE`, … */
  readonly name: string;
  /** Digest of the image config. */
  readonly imageId: Digest;
  readonly config: ImageConfig;
  /** The config's bytes as stored. */
  readonly rawConfig: Uint8Array;
  /** Digest of the manifest; undefined when the source has none (a docker-archive). */
  readonly manifestDigest: Digest | undefined;
  /** Base first. */
  readonly layers: readonly ImageLayer[];
  /**
   * The layer's own entries, parents first, names in byte order, the root ("") left out. A source may have to read the
   * whole layer; later calls of the same layer cost nothing.
   */
  readLayer(index: number, options?: { readonly signal?: AbortSignal }): Promise<readonly LayerEntry[]>;
  /**
   * Bytes of a regular file of one layer (hard links lead to their file), in chunks of at most 1 MiB.
   * @throws {not_found} when the layer has no regular file of that path
   */
  readFile(index: number, path: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<Uint8Array>;
}

/** A layer of an image, before anything of it is read. */
export interface ImageLayer {
  /** 0 is the base. */
  readonly index: number;
  readonly diffId: DiffId;
  /** The blob as a manifest names it; undefined when there is no manifest. */
  readonly blob: Descriptor | undefined;
  /** Bytes of the uncompressed tar where the source knows them without reading it. */
  readonly tarBytes: number | undefined;
  /** The history entry that made it; undefined when the config has too few. */
  readonly history: HistoryEntry | undefined;
  /** Which entry of the history that is, 1-based, empty ones counted: the N of `IMAGE@N`; else index + 1. */
  readonly step: number;
}

/** One name in a layer. Paths and targets are latin1 (one character a byte; `toDisplayPath` of `#tar` for people). */
export interface LayerEntry extends ErofsEntry {
  /** A directory that no entry of the tar names: its attributes are made up. */
  readonly implied?: true;
}
