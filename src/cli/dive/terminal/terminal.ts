import { writeSync } from "node:fs";
import type { ReadStream, WriteStream } from "node:tty";
import { InputDecoder } from "./input.ts";
import type { InputEvent } from "./input.ts";
import { Painter } from "./painter.ts";
import type { Frame } from "./painter.ts";
import type { Theme } from "./theme.ts";

const ENTER = [
  "\x1b[?1049h", // the other screen
  "\x1b[?25l\x1b[?7l", // no cursor, no wrapping: the last column can be written
  "\x1b[?1000h\x1b[?1006h", // mouse: buttons and wheel, in decimal
  "\x1b[?2004h", // pasted text is marked
  "\x1b[>1u", // keys that look alike are told apart, where the terminal can (kitty)
  "\x1b[2J",
].join("");
const LEAVE = "\x1b[<u\x1b[?2004l\x1b[?1006l\x1b[?1000l\x1b[?7h\x1b[?25h\x1b[m\x1b[?1049l";
const ASK_BACKGROUND = "\x1b]11;?\x07";
/** Consoles that print what they do not know. */
const NEVER_ASK = /^(?:linux|dumb|vt\d+|screen\.linux)?$/;

/** After this long a lone escape is the key. */
const ESCAPE_MS = 40;
const RESUME_MS = 100;
const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 };

export interface TerminalListener {
  readonly onInput: (event: InputEvent) => void;
  readonly onResize: () => void;
  /** The terminal is gone, or its input has ended. */
  readonly onEnd: () => void;
}

/**
 * A terminal with its screen ours: raw keys, mouse, the other screen. However the process ends, short of SIGKILL, the
 * terminal is as it was.
 */
export class Terminal implements Disposable {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #listener: TerminalListener;
  readonly #decoder = new InputDecoder();
  readonly #painter = new Painter();
  #escapeTimer: NodeJS.Timeout | undefined;
  #isOpen = false;

  constructor(input: ReadStream, output: WriteStream, listener: TerminalListener) {
    this.#input = input;
    this.#output = output;
    this.#listener = listener;
    process.on("exit", this.#leave).on("uncaughtExceptionMonitor", this.#leave);
    for (const name of Object.keys(SIGNALS)) process.on(name, this.#onSignal);
    input.on("data", this.#onData).on("end", listener.onEnd).on("error", listener.onEnd);
    output.on("resize", this.#onResize);
    this.#enter();
    if (!NEVER_ASK.test(process.env["TERM"] ?? "")) output.write(ASK_BACKGROUND);
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#output.columns, rows: this.#output.rows };
  }

  /** False while the terminal has not taken what was written. */
  get isReady(): boolean {
    return !this.#output.writableNeedDrain;
  }

  /** Calls back when it is ready again. */
  whenReady(then: () => void): void {
    this.#output.once("drain", then);
  }

  show(frame: Frame, theme: Theme): void {
    const text = this.#isOpen ? this.#painter.paint(frame, theme) : "";
    if (text !== "") this.#output.write(text);
  }

  /** Gives the terminal back and stops the process, as Ctrl+Z does to others; answers when it goes on. */
  async suspend(): Promise<void> {
    this.#leave();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const goOn = (): void => resolve(undefined);
    process.once("SIGCONT", goOn);
    // All of the foreground group, as the terminal would. Where nobody could continue us, the kernel does not stop us.
    process.kill(0, "SIGTSTP");
    const timer = setTimeout(goOn, RESUME_MS);
    await promise;
    clearTimeout(timer);
    process.off("SIGCONT", goOn);
    this.#enter();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#escapeTimer);
    this.#leave();
    process.off("exit", this.#leave).off("uncaughtExceptionMonitor", this.#leave);
    for (const name of Object.keys(SIGNALS)) process.off(name, this.#onSignal);
    this.#input.off("data", this.#onData).off("end", this.#listener.onEnd).off("error", this.#listener.onEnd);
    this.#output.off("resize", this.#onResize);
    this.#input.pause();
  }

  #enter(): void {
    this.#isOpen = true;
    this.#input.setRawMode(true);
    this.#input.resume();
    this.#output.write(ENTER);
    this.#painter.forget();
  }

  readonly #leave = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      this.#input.setRawMode(false);
      // At once: the process may be about to end.
      writeSync(process.stdout.fd, LEAVE);
    } catch {
      // The terminal is gone (SIGHUP) and there is nothing to restore, or it is too slow to take it at once.
      this.#output.write(LEAVE);
    }
  };

  readonly #onSignal = (name: NodeJS.Signals): void => {
    this.#leave();
    process.exit(128 + (SIGNALS[name] ?? 0));
  };

  readonly #onResize = (): void => {
    this.#painter.forget();
    this.#listener.onResize();
  };

  readonly #onData = (bytes: Buffer): void => {
    clearTimeout(this.#escapeTimer);
    for (const event of this.#decoder.feed(bytes)) this.#listener.onInput(event);
    if (!this.#decoder.isWaiting) return;
    this.#escapeTimer = setTimeout(() => {
      for (const event of this.#decoder.flush()) this.#listener.onInput(event);
    }, ESCAPE_MS);
  };
}
