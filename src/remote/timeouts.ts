/** How long to wait for what, in milliseconds. */
export interface Timeouts {
  /** Until a connection stands. */
  readonly connectMs: number;
  /** From the request to the head of the answer. */
  readonly answerMs: number;
  /** The same after an upload, which a registry may copy and hash before it answers. */
  readonly uploadAnswerMs: number;
  /** Between two pieces of a body. */
  readonly idleMs: number;
  /** First pause before a request is tried again; doubles up to 50 times as much. */
  readonly retryMs: number;
}

/** 30 s to connect, 60 s for an answer (5 min after an upload), 60 s between bytes, 200 ms before the first retry. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  connectMs: 30_000,
  answerMs: 60_000,
  uploadAnswerMs: 300_000,
  idleMs: 60_000,
  retryMs: 200,
};
