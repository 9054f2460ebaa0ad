import type { ImageLayersReply } from "#engineapi";
import type { Platform } from "#oci";

/** Which image is meant, and when nobody waits any more. */
export interface LookOptions {
  readonly platform?: Platform;
  readonly signal?: AbortSignal;
}

/** Images of the store, looked into. `name` is a reference, an ID or a unique prefix of one. @throws {not_found} */
export interface LookBackend {
  layers(name: string, options: LookOptions): Promise<ImageLayersReply>;
  /** All layers, base first, or one; the format is told at `LayerIndexLine` of `#engineapi`. */
  entries(name: string, options: LookOptions & { readonly layer?: number }): Promise<AsyncIterable<Uint8Array>>;
  /** A regular file of one layer. `path` is latin1. */
  layerFile(
    name: string,
    options: LookOptions & { readonly layer: number; readonly path: string },
  ): Promise<{ readonly size: number; readonly body: AsyncIterable<Uint8Array> }>;
}
