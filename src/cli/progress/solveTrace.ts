import type { SolveStatus, SolveVertex, SolveVertexLog, SolveVertexStatus, SolveVertexWarning } from "#engineapi";
import type { LogScreen } from "./logScreen.ts";
import { mergeIntervals, millisecondsOf } from "./solveTime.ts";
import type { Interval } from "./solveTime.ts";

const CANCELED = "context canceled";
const NEWLINE = "\n";

/** How a vertex ended, from its error. */
export function isCanceled(error: string): boolean {
  return error.endsWith(CANCELED);
}

/** What is known of one step, and what of it has not been shown yet. */
export class Step {
  vertex: SolveVertex;
  /** Lines under the step in the order they began. */
  readonly statuses: SolveVertexStatus[] = [];
  readonly statusUpdates: Set<string> = new Set();
  readonly warnings: SolveVertexWarning[] = [];
  /** `0.121 text`: output by line; bytes as latin1 characters, so that no cut character is lost. */
  logs: string[] = [];
  /** The last of `logs` is not a whole line yet. */
  logsPartial = false;
  readonly screen: LogScreen | undefined;
  logBytes = 0;
  /** Updates since it was shown, and since when (ms): who is talkative is shown. */
  count = 0;
  since = 0;
  #intervals = new Map<string, Interval>();
  intervals: readonly Interval[] = [];
  readonly #latest = new Map<string, number>();

  constructor(vertex: SolveVertex, screen: LogScreen | undefined) {
    this.vertex = vertex;
    this.screen = screen;
  }

  get isStarted(): boolean {
    return this.intervals.length > 0;
  }

  get isCompleted(): boolean {
    const last = this.intervals.at(-1);
    return last !== undefined && last.stop !== undefined;
  }

  touch(now: number): void {
    if (this.count === 0) this.since = now;
    this.count += 1;
  }

  /** True when something visible changed. */
  setVertex(vertex: SolveVertex): boolean {
    const old = this.vertex;
    const wasStarted = this.isStarted;
    if (!wasStarted || vertex.started !== undefined) this.vertex = vertex;
    if (vertex.started === undefined) return false;
    const { started, completed } = vertex;
    this.#intervals.set(started, {
      start: millisecondsOf(started),
      stop: completed === undefined ? undefined : millisecondsOf(completed),
    });
    this.intervals = mergeIntervals(this.#intervals.values());
    return (
      !wasStarted ||
      vertex.name !== old.name ||
      started !== old.started ||
      (completed !== undefined && completed !== old.completed) ||
      vertex.cached !== old.cached ||
      vertex.error !== old.error
    );
  }

  setStatus(status: SolveVertexStatus): void {
    const at = this.#latest.get(status.id);
    if (at !== undefined) this.statuses[at] = status;
    else if (status.started !== undefined) {
      this.#latest.set(status.id, this.statuses.length);
      this.statuses.push(status);
    }
    this.statusUpdates.add(status.id);
  }

  addLog(log: SolveVertexLog): void {
    const bytes = Buffer.from(log.data, "base64");
    this.screen?.write(bytes);
    this.logBytes += bytes.byteLength;
    if (bytes.byteLength === 0) return;
    const lines = bytes.toString("latin1").split(NEWLINE);
    const complete = lines.at(-1) === "";
    if (complete) lines.pop();
    for (const [index, line] of lines.entries()) {
      const last = this.logs.length - 1;
      if (index === 0 && this.logsPartial && last >= 0) this.logs[last] += line;
      else this.logs.push(`${this.#sinceStart(log)} ${line}`);
    }
    this.logsPartial = !complete;
  }

  #sinceStart(log: SolveVertexLog): string {
    const start = this.intervals.at(-1)?.start;
    const seconds = start === undefined ? 0 : (millisecondsOf(log.timestamp) - start) / 1000;
    if (seconds < 10) return seconds.toFixed(3);
    return seconds.toFixed(seconds < 100 ? 2 : 1);
  }
}

/** All of a build as far as its messages told. */
export class SolveTrace {
  readonly byDigest: Map<string, Step> = new Map();
  /** In the order they started. */
  readonly steps: Step[] = [];
  /** Digests with news since they were shown. */
  readonly updates: Set<string> = new Set();
  /** Start of the build by our clock, ms; the daemon's clock may differ. */
  startedAt: number | undefined;
  /** What must be added to the daemon's times to get ours, ms. */
  clockOffset = 0;
  readonly #now: () => number;
  readonly #openScreen: () => LogScreen | undefined;

  constructor(now: () => number, openScreen: () => LogScreen | undefined) {
    this.#now = now;
    this.#openScreen = openScreen;
  }

  update(status: SolveStatus): void {
    const now = this.#now();
    for (const vertex of status.vertexes ?? []) this.#vertex(vertex, now);
    for (const item of status.statuses ?? []) {
      this.#with(item.vertex, now, (step) => {
        step.setStatus(item);
        return true;
      });
    }
    for (const warning of status.warnings ?? []) {
      this.#with(warning.vertex, now, (step) => {
        step.warnings.push(warning);
        return false;
      });
    }
    for (const log of status.logs ?? []) {
      this.#with(log.vertex, now, (step) => {
        step.addLog(log);
        return true;
      });
    }
  }

  #vertex(vertex: SolveVertex, now: number): void {
    let step = this.byDigest.get(vertex.digest);
    if (step === undefined) {
      step = new Step(vertex, this.#openScreen());
      this.byDigest.set(vertex.digest, step);
    }
    const wasStarted = step.isStarted;
    if (step.setVertex(vertex)) {
      step.touch(now);
      this.updates.add(vertex.digest);
    }
    if (wasStarted || vertex.started === undefined) return;
    if (this.startedAt === undefined) {
      this.clockOffset = now - millisecondsOf(vertex.started);
      this.startedAt = now;
    }
    this.steps.push(step);
  }

  /** News of a vertex that was never told of is dropped. */
  #with(digest: string, now: number, change: (step: Step) => boolean): void {
    const step = this.byDigest.get(digest);
    if (step === undefined) return;
    if (change(step)) this.updates.add(digest);
    step.touch(now);
  }
}
