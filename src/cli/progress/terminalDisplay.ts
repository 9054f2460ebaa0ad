import type { SolveStatus, SolveVertexStatus } from "#engineapi";
import { printErrorLogs } from "./errorLogs.ts";
import { LogScreen } from "./logScreen.ts";
import type { DisplayOutput, SolveDisplay } from "./solveDisplay.ts";
import { durationOf, millisecondsOf } from "./solveTime.ts";
import type { Interval } from "./solveTime.ts";
import { isCanceled, SolveTrace } from "./solveTrace.ts";
import type { Step } from "./solveTrace.ts";
import { transferText } from "./transferSize.ts";

const LEAST_LOG_LINES = 6;
/** Columns left of and right of the output of a step. */
const LOG_MARGIN = 10;
const LEAST_NAME_COLUMNS = 12;
const LEAST_STATUS_COLUMNS = 20;
const PREFIX = " => ";
/** A step that is on screen gets less of a claim each time. */
const SHOWN_WEIGHT = 50;

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const UP = "\x1b[1A";
const FIRST_COLUMN = "\x1b[0G";
const RESET = "\x1b[0m";
const FAINT = "\x1b[2m";

const COLOR_NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** SGR sequences; empty strings: none. */
export interface DisplayColors {
  readonly run: string;
  readonly cancel: string;
  readonly error: string;
  readonly isPlain: boolean;
}

function colorCode(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (lower === "default") return "\x1b[39m";
  const bright = lower.startsWith("light-");
  const at = COLOR_NAMES.indexOf(bright ? lower.slice(6) : lower);
  if (at >= 0) return `\x1b[${(bright ? 90 : 30) + at}m`;
  const rgb = /^(\d{1,3}),(\d{1,3}),(\d{1,3})$/.exec(lower)?.slice(1).map(Number);
  return rgb?.every((part) => part < 256) === true ? `\x1b[38;2;${rgb.join(";")}m` : undefined;
}

/** NO_COLOR and BUILDKIT_COLORS (`run=green:error=red:cancel=255,165,0`) → colours of lines. */
export function colorsOf(env: NodeJS.ProcessEnv): DisplayColors {
  if ((env["NO_COLOR"] ?? "") !== "") return { run: "", cancel: "", error: "", isPlain: true };
  const named = new Map<string, string>();
  for (const part of (env["BUILDKIT_COLORS"] ?? "").split(":")) {
    const [name = "", value = ""] = part.split("=");
    const code = colorCode(value);
    if (code !== undefined) named.set(name, code);
  }
  return {
    run: named.get("run") ?? "\x1b[34m",
    cancel: named.get("cancel") ?? "\x1b[33m",
    error: named.get("error") ?? "\x1b[31m",
    isPlain: false,
  };
}

export interface TerminalOptions {
  /** In the corner: `docker:default`. */
  readonly corner: string;
  readonly colors: DisplayColors;
  /** Lines of output shown of a step that runs; 0: the default. */
  readonly logLines: number;
  readonly size: () => { readonly columns: number; readonly rows: number };
}

/** One line on screen. */
interface Row {
  readonly name: string;
  readonly status: string;
  readonly intervals: readonly Interval[];
  readonly isCompleted: boolean;
  readonly color: "run" | "cancel" | "error";
  /** The step whose line it is; undefined: a line under a step. */
  readonly step: Step | undefined;
}

/** `--progress=tty`: all steps with their times, drawn over and over at the same place. */
export class TerminalDisplay implements SolveDisplay {
  readonly #trace: SolveTrace;
  readonly #output: DisplayOutput;
  readonly #options: TerminalOptions;
  readonly #timesShown = new Map<Step, number>();
  #lineCount = 0;
  #isFirst = true;

  constructor(output: DisplayOutput, options: TerminalOptions) {
    this.#output = output;
    this.#options = options;
    this.#trace = new SolveTrace(
      () => output.now(),
      () => {
        const { columns, rows } = options.size();
        return new LogScreen(this.#logHeight(rows), columns - LOG_MARGIN);
      },
    );
  }

  update(status: SolveStatus): void {
    this.#trace.update(status);
  }

  refresh(): void {
    this.#draw(false);
  }

  close(): void {
    this.#draw(true);
    printErrorLogs(this.#output, this.#trace, (step) => step.logs);
  }

  #logHeight(rows: number): number {
    const most = Math.max(LEAST_LOG_LINES, this.#options.logLines);
    return Math.max(LEAST_LOG_LINES, Math.min(most, rows - LEAST_LOG_LINES - 1));
  }

  #draw(isEnd: boolean): void {
    const { columns, rows: height } = this.#options.size();
    const all = this.#trace.steps.flatMap((step) => this.#rowsOf(step));
    const { withLogs, hidden } = this.#chooseLogs(all, height);
    const shown = isEnd ? all : fitRows(all, height - 2 - hidden);
    const up = this.#isFirst ? `${UP}\x1b[1B` : UP.repeat(this.#lineCount + 1);
    this.#isFirst = false;
    const lines: string[] = [this.#header(columns, isEnd)];
    for (const row of shown) {
      const line = this.#line(row, columns);
      if (line === undefined) continue;
      lines.push(line);
      if (row.step !== undefined && withLogs.has(row.step)) lines.push(...this.#logLines(row.step, columns, height));
    }
    const count = lines.length - 1;
    const left = Math.max(this.#lineCount - count, 0);
    const blank = `${`${" ".repeat(columns)}\n`.repeat(left)}${left === 0 ? "" : `\x1b[${left}A${FIRST_COLUMN}`}`;
    this.#lineCount = count;
    this.#output.write(`${up}${FIRST_COLUMN}${HIDE_CURSOR}${lines.join("")}${blank}${SHOW_CURSOR}`);
  }

  #header(columns: number, isEnd: boolean): string {
    const steps = [...this.#trace.byDigest.values()];
    const done = steps.filter((step) => step.isCompleted).length;
    const now = this.#output.now();
    const seconds = (now - (this.#trace.startedAt ?? now)) / 1000;
    const ending = isEnd && done > 0 && done === steps.length ? "FINISHED" : "";
    const text = `[+] Building ${seconds.toFixed(1)}s (${done}/${steps.length}) ${ending}`;
    return `${align(text, this.#options.corner, columns - 1).slice(0, columns)}\n`;
  }

  #rowsOf(step: Step): readonly Row[] {
    const { name, error = "", cached } = step.vertex;
    const offset = this.#trace.clockOffset;
    const move = ({ start, stop }: Interval): Interval => ({
      start: start + offset,
      stop: stop === undefined ? undefined : stop + offset,
    });
    const canceled = isCanceled(error);
    const failed = error === "" ? "" : canceled ? "CANCELED " : "ERROR ";
    const intervals = step.intervals.map(move);
    const own: Row = {
      name: `${cached === true ? "CACHED " : ""}${failed}${name.replaceAll("\t", " ")}`,
      status: "",
      intervals,
      isCompleted: intervals.every(({ stop }) => stop !== undefined),
      color: error === "" ? "run" : canceled ? "cancel" : "error",
      step,
    };
    const below = step.statuses.map((status): Row => statusRow(status, move));
    const warnings = step.warnings.map(
      ({ short }): Row => ({
        name: `WARN: ${Buffer.from(short, "base64").toString()}`,
        status: "",
        intervals: intervals.slice(-1),
        isCompleted: false,
        color: "cancel",
        step: undefined,
      }),
    );
    return [own, ...below, ...warnings];
  }

  /** Which running steps show their output, the most talkative first, and how many lines that takes from others. */
  #chooseLogs(rows: readonly Row[], height: number): { readonly withLogs: ReadonlySet<Step>; readonly hidden: number } {
    const running = rows.filter((row) => !row.isCompleted);
    const claim = (step: Step): number => step.logBytes + (this.#timesShown.get(step) ?? 0) * SHOWN_WEIGHT;
    const candidates = running
      .flatMap(({ step }) => (step !== undefined && step.logBytes > 0 ? [step] : []))
      .sort((a, b) => claim(b) - claim(a));
    const limit = this.#logHeight(height) + 3;
    let free = height - 2 - running.length;
    const withLogs = new Set<Step>();
    let hidden = 0;
    for (const step of candidates) {
      if (free <= limit) break;
      withLogs.add(step);
      hidden += step.screen?.lines().length ?? 0;
      free -= limit;
    }
    return { withLogs, hidden };
  }

  #line(row: Row, columns: number): string | undefined {
    if (row.intervals.length === 0) return undefined;
    const now = this.#output.now();
    const seconds = row.intervals.reduce((sum, interval) => sum + durationOf(interval, now), 0) / 1000;
    const timer = ` ${(seconds < 0.05 ? 0 : seconds).toFixed(1)}s\n`;
    let left = columns - PREFIX.length - timer.length - 1;
    const showStatus = row.status !== "" && left + row.status.length > LEAST_STATUS_COLUMNS;
    if (showStatus) left -= row.status.length + 1;
    if (left < LEAST_NAME_COLUMNS) return undefined;
    const text = `${PREFIX}${row.name.slice(0, left)}${showStatus ? ` ${row.status}` : ""}`;
    const line = align(text, timer, columns);
    const color = this.#options.colors[row.color];
    return row.isCompleted && color !== "" ? `${color}${line}${RESET}` : line;
  }

  #logLines(step: Step, columns: number, height: number): readonly string[] {
    this.#timesShown.set(step, (this.#timesShown.get(step) ?? 0) + 1);
    step.screen?.resize(this.#logHeight(height), columns - LOG_MARGIN);
    const lines = step.screen?.lines() ?? [];
    return lines.map((line) => `${FAINT} => => # ${line}\n${RESET}`);
  }
}

function statusRow(status: SolveVertexStatus, move: (interval: Interval) => Interval): Row {
  const { started, completed, current, total } = status;
  const stop = completed === undefined ? undefined : millisecondsOf(completed);
  return {
    name: `=> ${status.id}`,
    status: transferText(current, total),
    intervals: started === undefined ? [] : [move({ start: millisecondsOf(started), stop })],
    isCompleted: completed !== undefined,
    color: "run",
    step: undefined,
  };
}

function align(left: string, right: string, width: number): string {
  return `${left.padEnd(width - right.length - 1)} ${right}`;
}

/** The last rows that fit; running ones that would be cut take the places of finished ones. */
function fitRows(rows: readonly Row[], limit: number): readonly Row[] {
  if (limit < 0) return [];
  if (rows.length <= limit) return rows;
  const cut = rows.length - limit;
  const visible = rows.slice(cut);
  const invisible = rows.slice(0, cut).filter((row) => !row.isCompleted);
  if (invisible.length === 0) return visible;
  let toReplace = invisible.length;
  const kept: Row[] = [];
  for (const row of visible) {
    if (!row.isCompleted || toReplace <= 0) kept.push(row);
    toReplace -= 1;
  }
  const free = visible.length - kept.length;
  return [...invisible.slice(invisible.length - free), ...kept];
}
