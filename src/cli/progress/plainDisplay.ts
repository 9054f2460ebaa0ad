import type { SolveStatus, SolveVertexStatus } from "#engineapi";
import type { DisplayOutput, SolveDisplay } from "./solveDisplay.ts";
import { printErrorLogs } from "./errorLogs.ts";
import { durationOf, millisecondsOf } from "./solveTime.ts";
import { isCanceled, SolveTrace } from "./solveTrace.ts";
import type { Step } from "./solveTrace.ts";
import { transferText } from "./transferSize.ts";

/** A step that others wait behind is shown this long at least, and not longer than that; ms. */
const ANTI_FLICKER_MS = 5000;
const MAX_DELAY_MS = 10_000;
/** Progress under both is not worth a line. */
const MIN_TIME_DELTA_MS = 5000;
const MIN_PROGRESS_DELTA = 0.05;
const ERROR_LOG_LINES = 10;
const SHORT_NAME = 72;

export interface PlainOptions {
  /** The `#0` line; empty: none. */
  readonly description: string;
  /** PROGRESS_NO_TRUNC=0 */
  readonly shortNames: boolean;
}

interface Printed {
  readonly index: number;
  /** Characters of the last, partial line of logs that are out; 0: none. */
  logsOffset: number;
  /** The last lines, to be shown again with an error. */
  recent: string[];
  warningsShown: number;
}

/** `--progress=plain`: blocks of lines `#3 …`, one step at a time; who has more to say gets the turn. */
export class PlainDisplay implements SolveDisplay {
  readonly #trace: SolveTrace;
  readonly #output: DisplayOutput;
  readonly #options: PlainOptions;
  readonly #printed = new Map<Step, Printed>();
  readonly #lastStatus = new Map<string, { readonly current: number; readonly time: number }>();
  #current: Step | undefined;
  #first = true;

  constructor(output: DisplayOutput, options: PlainOptions) {
    this.#output = output;
    this.#options = options;
    this.#trace = new SolveTrace(
      () => output.now(),
      () => undefined,
    );
  }

  update(status: SolveStatus): void {
    this.#trace.update(status);
  }

  refresh(): void {
    const changed = [...this.#trace.updates].flatMap((digest) => this.#trace.byDigest.get(digest) ?? []);
    const completed = changed.filter((step) => step.isCompleted);
    const rest = changed.filter((step) => !step.isCompleted);
    const current = this.#current;
    if (current !== undefined && completed.includes(current)) this.#print(current);
    const byEnd = completed.filter((step) => step !== current);
    byEnd.sort((a, b) => (a.intervals.at(-1)?.stop ?? 0) - (b.intervals.at(-1)?.stop ?? 0));
    for (const step of byEnd) this.#print(step);
    if (rest.length === 0) this.#keepOneOpen();
    else this.#printActive(rest, current, current !== undefined && completed.includes(current));
  }

  close(): void {
    this.refresh();
    printErrorLogs(this.#output, this.#trace, (step) => this.#printed.get(step)?.recent ?? []);
  }

  /** Some step that is under way is always the one on screen. */
  #keepOneOpen(): void {
    const isOpen = (step: Step): boolean => step.isStarted && !step.isCompleted;
    if (this.#current !== undefined && isOpen(this.#current)) return;
    const next = this.#trace.steps.find(isOpen);
    if (next !== undefined) this.#print(next);
  }

  #printActive(rest: readonly Step[], before: Step | undefined, beforeEnded: boolean): void {
    if (before !== undefined && rest.includes(before)) this.#print(before);
    const now = this.#output.now();
    const candidates = before === undefined || beforeEnded ? rest : new Set([...rest, before]);
    const waiting = [...candidates].map((step) => {
      const blockedMs = Math.max(now - step.since, 1);
      return { step, speed: step.count / blockedMs, isLate: blockedMs > MAX_DELAY_MS && step !== before };
    });
    const busiest = waiting.reduce((best, next) => (next.isLate || best.speed < next.speed ? next : best));
    if (before === undefined || beforeEnded) {
      this.#print(busiest.step);
      return;
    }
    const late = waiting.find(({ isLate }) => isLate);
    if (late !== undefined) {
      this.#print(late.step);
      return;
    }
    const total = waiting.reduce((sum, { speed }) => sum + speed, 0);
    const own = waiting.find(({ step }) => step === before);
    const share = (own?.speed ?? 0) / total;
    if (ANTI_FLICKER_MS / (1 - share) < now - before.since) this.#print(busiest.step);
  }

  #printedOf(step: Step): Printed {
    let printed = this.#printed.get(step);
    if (printed === undefined) {
      printed = { index: this.#printed.size + 1, logsOffset: 0, recent: [], warningsShown: 0 };
      this.#printed.set(step, printed);
    }
    return printed;
  }

  #print(step: Step): void {
    const printed = this.#printedOf(step);
    const { index } = printed;
    if (step !== this.#current) this.#switchTo(step, index);
    const isStatusOpen = this.#printStatuses(step, index);
    for (const { short } of step.warnings.slice(printed.warningsShown)) {
      this.#output.write(`#${index} WARN: ${Buffer.from(short, "base64").toString()}\n`);
    }
    printed.warningsShown = step.warnings.length;
    this.#printLogs(step, printed);
    this.#current = step;
    if (step.isCompleted && !isStatusOpen) {
      this.#current = undefined;
      step.count = 0;
      if (step.logsPartial) this.#output.write("\n");
      this.#output.write(`#${index} ${this.#ending(step)}\n`);
    }
    this.#trace.updates.delete(step.vertex.digest);
  }

  #switchTo(step: Step, index: number): void {
    const old = this.#current;
    if (old !== undefined) {
      const printed = this.#printedOf(old);
      if (old.logsPartial) this.#output.write("\n");
      printed.logsOffset = 0;
      old.count = 0;
      this.#output.write(`#${printed.index} ...\n`);
    }
    if (!this.#first) this.#output.write("\n");
    else if (this.#options.description !== "") this.#output.write(`#0 ${this.#options.description}\n\n`);
    this.#first = false;
    const { name } = step.vertex;
    const isCut = this.#options.shortNames && name.length > SHORT_NAME;
    this.#output.write(`#${index} ${isCut ? `${name.slice(0, SHORT_NAME)}...` : name}\n`);
  }

  /** True when a status is still under way. */
  #printStatuses(step: Step, index: number): boolean {
    let isOpen = false;
    for (const status of step.statuses) {
      if (!step.statusUpdates.has(status.id) || !this.#isWorthALine(status)) continue;
      this.#lastStatus.set(status.id, { current: status.current, time: millisecondsOf(status.timestamp) });
      if (status.completed === undefined) isOpen = true;
      const size = transferText(status.current, status.total);
      this.#output.write(`#${index} ${status.id}${size === "" ? "" : ` ${size}`}${spent(status)}\n`);
    }
    step.statusUpdates.clear();
    return isOpen;
  }

  #isWorthALine(status: SolveVertexStatus): boolean {
    const last = this.#lastStatus.get(status.id);
    if (last === undefined || status.completed !== undefined) return true;
    const { total = 0 } = status;
    const progress = total > 0 ? (status.current - last.current) / total : 0;
    return progress >= MIN_PROGRESS_DELTA || millisecondsOf(status.timestamp) - last.time >= MIN_TIME_DELTA_MS;
  }

  #printLogs(step: Step, printed: Printed): void {
    const { logs } = step;
    if (logs.length === 0) return;
    // The head of the first line may be out already, and with it in the list of recent lines.
    if (printed.logsOffset > 0) printed.recent.pop();
    for (const [at, line] of logs.entries()) {
      const text = at === 0 && printed.logsOffset > 0 ? line.slice(printed.logsOffset) : `#${printed.index} ${line}`;
      const isWhole = at < logs.length - 1 || !step.logsPartial;
      this.#output.write(Buffer.from(isWhole ? `${text}\n` : text, "latin1"));
    }
    printed.recent = [...printed.recent, ...logs].slice(-ERROR_LOG_LINES);
    step.logs = step.logsPartial ? logs.slice(-1) : [];
    printed.logsOffset = step.logs[0]?.length ?? 0;
  }

  #ending(step: Step): string {
    const { error = "", cached } = step.vertex;
    if (error !== "") return isCanceled(error) ? "CANCELED" : `ERROR: ${error}`;
    if (cached === true) return "CACHED";
    const ms = step.intervals.reduce((sum, interval) => sum + durationOf(interval, this.#output.now()), 0);
    return `DONE ${(ms / 1000).toFixed(1)}s`;
  }
}

function spent(status: SolveVertexStatus): string {
  const end = millisecondsOf(status.completed ?? status.timestamp);
  const seconds = status.started === undefined ? 0 : (end - millisecondsOf(status.started)) / 1000;
  const time = seconds > 0.01 ? ` ${seconds.toFixed(1)}s` : "";
  return status.completed === undefined ? time : `${time} done`;
}
