import type { ProgressSink } from "#engineapi";
import { hexOf } from "#oci";
import type { DiffId, Digest } from "#oci";

const SHORT_ID = 12;
/** dockerd's own pace: ten updates a second for each bar. */
const INTERVAL_MS = 100;

/** First twelve hex digits, as people see IDs. */
export function shortId(id: Digest | DiffId): string {
  return hexOf(id).slice(0, SHORT_ID);
}

/** One layer's line of a transfer. */
export interface LayerProgress {
  /** `Pulling fs layer`, `Pushed`, …: a state that is always told. */
  state(status: string): void;
  /** Bytes done under a status; told at most ten times a second, and always when whole. */
  bytes(status: string, current: number, total: number): void;
}

export function layerProgress(sink: ProgressSink, id: string): LayerProgress {
  let last = Number.NEGATIVE_INFINITY;
  let current = "";
  return {
    state(status) {
      current = status;
      sink({ status, progressDetail: {}, id });
    },
    bytes(status, done, total) {
      const now = performance.now();
      if (status === current && done !== total && now - last < INTERVAL_MS) return;
      last = now;
      current = status;
      sink({ status, progressDetail: { current: done, total }, id });
    },
  };
}
