import type { Writable } from "node:stream";
import { EngineError, ErrorCode } from "#errors";
import type { ProgressDetail, ProgressMessage } from "#engineapi";
import { terminalOf } from "../core/session.ts";
import { humanSize } from "../format/units.ts";

/** Where progress is drawn. */
export type ProgressTarget = Writable;

const BAR_WIDTH = 50;
const BAR_COLUMNS = 110;
const TIME_COLUMNS = 50;
const DEFAULT_COLUMNS = 200;

function goDuration(seconds: number): string {
  const hours = Math.trunc(seconds / 3600);
  const minutes = Math.trunc((seconds % 3600) / 60);
  const rest = `${seconds % 60}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

function counts(current: number, total: number, detail: ProgressDetail): string {
  if (detail.hidecounts === true) return "";
  const { units } = detail;
  if (units === undefined || units === "") {
    const done = humanSize(current).padStart(8);
    return current > total ? done : `${done}/${humanSize(total)}`;
  }
  return current > total ? `${current} ${units}` : `${current}/${total} ${units}`;
}

/** The bar of one layer as moby's jsonmessage draws it; empty when nothing is known. `columns` of the terminal. */
export function progressText(detail: ProgressDetail, columns: number, nowMs: number = Date.now()): string {
  const { current = 0, total = 0, start = 0, units = "" } = detail;
  if (current <= 0 && total <= 0) return "";
  if (total <= 0) return units === "" ? humanSize(current).padStart(8) : `${current} ${units}`;
  const filled = Math.min(BAR_WIDTH, Math.trunc(Math.trunc((current / total) * 100) / 2));
  const bar = columns > BAR_COLUMNS ? `[${"=".repeat(filled)}>${" ".repeat(BAR_WIDTH - filled)}] ` : "";
  let left = "";
  if (current > 0 && start > 0 && filled < BAR_WIDTH && columns > TIME_COLUMNS) {
    const perUnit = (nowMs - start * 1000) / current;
    left = ` ${goDuration(Math.trunc(((total - current) * perUnit) / 1000))}`;
  }
  return bar + counts(current, total, detail) + left;
}

/** Draws a stream of progress messages: on a terminal one line per id, rewritten in place; else plain lines. */
class ProgressView {
  readonly #out: Writable;
  readonly #columns: number | undefined;
  #lines = new Map<string, number>();

  constructor(out: Writable) {
    this.#out = out;
    const terminal = terminalOf(out);
    this.#columns = terminal === undefined ? undefined : (terminal.columns ?? DEFAULT_COLUMNS);
  }

  show(message: ProgressMessage): void {
    const { id, progressDetail } = message;
    const isTerminal = this.#columns !== undefined;
    let up = 0;
    if (id !== undefined && id !== "" && (progressDetail !== undefined || message.progress !== undefined)) {
      up = this.#lineOf(id);
      if (isTerminal && up > 0) this.#out.write(`\x1b[${up}A`);
    } else {
      // What is not progress ends the block of lines that may be rewritten.
      this.#lines = new Map();
    }
    const text = this.#text(message);
    if (text !== "") this.#out.write(text);
    if (isTerminal && id !== undefined && id !== "" && up > 0) this.#out.write(`\x1b[${up}B`);
  }

  #lineOf(id: string): number {
    const known = this.#lines.get(id);
    if (known !== undefined) return this.#lines.size - known;
    const line = this.#lines.size;
    this.#lines.set(id, line);
    if (this.#columns !== undefined) this.#out.write("\n");
    return this.#lines.size - line;
  }

  #text(message: ProgressMessage): string {
    const { id, status = "", stream = "", progressDetail } = message;
    const columns = this.#columns;
    const head = id === undefined || id === "" ? "" : `${id}: `;
    if (columns !== undefined && stream === "" && progressDetail !== undefined) {
      return `\x1b[2K\r${head}${status} ${progressText(progressDetail, columns)}\r`;
    }
    // Bars are for terminals only.
    if (progressDetail !== undefined && progressText(progressDetail, DEFAULT_COLUMNS) !== "") return "";
    return stream === "" ? `${head}${status}\n` : head + stream;
  }
}

function failureOf(message: ProgressMessage): EngineError | undefined {
  const text = message.errorDetail?.message ?? message.error;
  if (text === undefined) return undefined;
  return new EngineError("internal", ErrorCode.INTERNAL, text);
}

/**
 * Draws a progress stream to its end; without `target` only failures count. `onAux` gets what is meant for programs.
 * @throws {internal} with the daemon's text when the stream tells an error.
 */
export async function showProgress(
  messages: AsyncIterable<unknown>,
  target: ProgressTarget | undefined,
  onAux?: (aux: Readonly<Record<string, unknown>>) => void,
): Promise<void> {
  const view = target === undefined ? undefined : new ProgressView(target);
  for await (const value of messages) {
    const message = value as ProgressMessage;
    if (message.aux !== undefined) {
      onAux?.(message.aux);
      continue;
    }
    const failure = failureOf(message);
    if (failure !== undefined) throw failure;
    view?.show(message);
  }
}
