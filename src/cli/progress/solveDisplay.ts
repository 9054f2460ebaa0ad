import type { Writable } from "node:stream";
import type { SolveStatus, SolveVertexWarning } from "#engineapi";
import { terminalOf } from "../core/session.ts";
import { CommandError } from "../core/commandError.ts";
import { PlainDisplay } from "./plainDisplay.ts";
import { colorsOf, TerminalDisplay } from "./terminalDisplay.ts";

/** Where a display draws. */
export interface DisplayOutput {
  write(text: string | Uint8Array): void;
  /** ms since 1970 */
  now(): number;
}

/** One way of showing a build. */
export interface SolveDisplay {
  update(status: SolveStatus): void;
  /** Draws what is new. */
  refresh(): void;
  /** Draws the end, then the output of what failed. */
  close(): void;
}

/** `--progress`; `auto` is tty on a terminal, plain elsewhere. */
export const PROGRESS_MODES = ["auto", "plain", "tty", "quiet", "rawjson", "none"] as const;
export type ProgressMode = (typeof PROGRESS_MODES)[number];

/** A build on screen: takes messages as they come, draws at its own pace. */
export interface BuildScreen {
  update(status: SolveStatus): void;
  /** Draws the end, once; call it whatever happened. */
  close(): void;
  /** Of all messages, each once. */
  readonly warnings: readonly SolveVertexWarning[];
  /** What was chosen, `auto` resolved. */
  readonly mode: Exclude<ProgressMode, "auto">;
}

const REFRESH_MS = 150;
const LEAST_BETWEEN_MS = 100;
const DEFAULT_SIZE = { columns: 80, rows: 10 };

class NoDisplay implements SolveDisplay {
  update(): void {
    // Nothing is shown.
  }
  refresh(): void {
    // Nothing is shown.
  }
  close(): void {
    // Nothing is shown.
  }
}

class RawJsonDisplay implements SolveDisplay {
  readonly #output: DisplayOutput;

  constructor(output: DisplayOutput) {
    this.#output = output;
  }

  update(status: SolveStatus): void {
    this.#output.write(`${JSON.stringify(status)}\n`);
  }

  refresh(): void {
    // Every message is out already.
  }

  close(): void {
    // Every message is out already.
  }
}

function chooseMode(mode: ProgressMode, isTerminal: boolean, env: NodeJS.ProcessEnv): BuildScreen["mode"] {
  const named = mode === "auto" ? (env["BUILDKIT_PROGRESS"] ?? "") : mode;
  const wish = PROGRESS_MODES.find((known) => known === (named === "" ? "auto" : named));
  if (wish === undefined) throw new CommandError(`ERROR: invalid progress mode ${named}`);
  if (wish === "tty" && !isTerminal)
    throw new CommandError("ERROR: failed to get console: provided file is not a console");
  if (wish === "auto") return isTerminal ? "tty" : "plain";
  return wish;
}

export interface ScreenOptions {
  readonly mode: ProgressMode;
  /** `building with "default" instance using docker driver`: plain's first line. */
  readonly description: string;
  /** `docker:default`: in the corner of the terminal. */
  readonly corner: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Ties a display to a stream. @throws {CommandError} unknown mode, or tty without terminal */
export function openBuildScreen(stream: Writable, options: ScreenOptions): BuildScreen {
  const { env = process.env } = options;
  const terminal = terminalOf(stream);
  const mode = chooseMode(options.mode, terminal !== undefined, env);
  const output: DisplayOutput = { write: (text) => void stream.write(text), now: () => Date.now() };
  const display = ((): SolveDisplay => {
    if (mode === "quiet" || mode === "none") return new NoDisplay();
    if (mode === "rawjson") return new RawJsonDisplay(output);
    if (mode === "plain") {
      const shortNames = env["PROGRESS_NO_TRUNC"] === "0";
      return new PlainDisplay(output, { description: options.description, shortNames });
    }
    return new TerminalDisplay(output, {
      corner: options.corner,
      colors: colorsOf(env),
      logLines: Number.parseInt(env["BUILDKIT_TTY_LOG_LINES"] ?? "", 10) || 0,
      size: () => {
        const { columns = 0, rows = 0 } = terminal ?? {};
        return columns > 0 && rows > 0 ? { columns, rows } : DEFAULT_SIZE;
      },
    });
  })();
  return new PacedScreen(display, mode, Number.parseInt(env["TTY_DISPLAY_RATE"] ?? "", 10) || undefined);
}

class PacedScreen implements BuildScreen {
  readonly mode: BuildScreen["mode"];
  readonly #display: SolveDisplay;
  readonly #between: number;
  readonly #timer: NodeJS.Timeout;
  readonly #warnings = new Map<string, SolveVertexWarning>();
  #drawnAt = 0;
  #isClosed = false;

  constructor(display: SolveDisplay, mode: BuildScreen["mode"], rate: number | undefined) {
    this.#display = display;
    this.mode = mode;
    this.#between = rate ?? LEAST_BETWEEN_MS;
    this.#timer = setInterval(() => display.refresh(), rate ?? REFRESH_MS);
  }

  get warnings(): readonly SolveVertexWarning[] {
    return [...this.#warnings.values()];
  }

  update(status: SolveStatus): void {
    if (this.#isClosed) return;
    this.#display.update(status);
    for (const warning of status.warnings ?? [])
      this.#warnings.set(JSON.stringify({ ...warning, vertex: "" }), warning);
    this.#timer.refresh();
    const now = process.uptime() * 1000;
    if (this.#drawnAt !== 0 && now - this.#drawnAt < this.#between) return;
    this.#drawnAt = now;
    this.#display.refresh();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#display.close();
  }
}
