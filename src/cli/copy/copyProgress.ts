import type { WriteStream } from "node:tty";
import { terminalOf } from "../core/session.ts";
import type { Session } from "../core/session.ts";
import { humanSize } from "../format/units.ts";

const REFRESH_MS = 100;
const SAVE = "\u001B7";
const RESTORE = "\u001B8";
const CLEAR_LINE = "\u001B[2K";
const CLEAR_TAIL = "\u001B[0K";
const HIDE_CURSOR = "\u001B[?25l";
const SHOW_CURSOR = "\u001B[?25h";

/** Counts bytes that pass, and shows their number on a terminal until it is over. */
export class CopyProgress {
  readonly #session: Session;
  readonly #stop: () => void;
  #bytes = 0;

  constructor(session: Session, title: string) {
    this.#session = session;
    const terminal = terminalOf(session.stderr);
    this.#stop = terminal === undefined ? () => undefined : this.#show(terminal, title);
  }

  async *count(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of body) {
      this.#bytes += bytes.byteLength;
      yield bytes;
    }
  }

  /** Takes the counter away and says what was done. */
  finish(target: string): void {
    this.#stop();
    this.#session.warn(`Successfully copied ${humanSize(this.#bytes, 3)} to ${target}`);
  }

  /** Short copies end before anything is shown. */
  #show(terminal: WriteStream, title: string): () => void {
    let last = 0;
    const timer = setInterval(() => {
      if (this.#bytes === last) return;
      if (last === 0) terminal.write(`${SAVE}${HIDE_CURSOR}${title}`);
      last = this.#bytes;
      terminal.write(`\u001B[${title.length + 1}G${CLEAR_TAIL}${humanSize(last, 3)}`);
    }, REFRESH_MS);
    return () => {
      clearInterval(timer);
      if (last > 0) terminal.write(`${SHOW_CURSOR}${RESTORE}${CLEAR_LINE}`);
    };
  }
}
