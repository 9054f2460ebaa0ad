import type { ProgressSink } from "#engineapi";
import { hexOf } from "#oci";
import type { DiffId, Digest } from "#oci";

/** How often bytes are told, ms. */
const INTERVAL_MS = 100;
const SHORT_ID_LENGTH = 12;

/** `sha256:41b90b82a14c…` → `41b90b82a14c`. */
export function shortId(digest: Digest | DiffId): string {
  return hexOf(digest).slice(0, SHORT_ID_LENGTH);
}

/** The lines of one layer, as dockerd prints them. */
export interface LayerProgress {
  status(text: string): void;
  /** A line with bytes, at most ten a second; one that reaches the total is always told. */
  bytes(text: string, current: number, total?: number): void;
}

/** Tells nobody. */
export const SILENT: LayerProgress = { status: () => undefined, bytes: () => undefined };

export function layerProgress(progress: ProgressSink, id: string): LayerProgress {
  let toldAt = -Infinity;
  return {
    status: (status) => progress({ status, progressDetail: {}, id }),
    bytes(status, current, total) {
      const now = performance.now();
      if (now - toldAt < INTERVAL_MS && current !== total) return;
      toldAt = now;
      progress({ status, progressDetail: { current, ...(total === undefined ? {} : { total }) }, id });
    },
  };
}
