const TAB = 8;
/** CSI sequences, other escapes, then any one character. Neither is cut when its end has not come yet. */
const ESCAPE = String.fromCharCode(27);
const UNIT = new RegExp(`${ESCAPE}\\[[0-9;?]*[ -/]*[@-~]|${ESCAPE}[^[]|[^${ESCAPE}]`, "suy");
const MAX_UNFINISHED = 32;

/**
 * The last lines of a step as a small terminal would show them: what rewrites its line (progress bars) stays one line.
 * Colours are dropped.
 */
export class LogScreen {
  #height: number;
  #width: number;
  #rows: string[][];
  #x = 0;
  #y = 0;
  #rest = "";
  readonly #decoder = new TextDecoder();

  constructor(height: number, width: number) {
    this.#height = Math.max(height, 1);
    this.#width = Math.max(width, 1);
    this.#rows = Array.from({ length: this.#height }, () => this.#emptyRow());
  }

  resize(height: number, width: number): void {
    this.#height = Math.max(height, 1);
    this.#width = Math.max(width, 6);
    this.#rows = Array.from({ length: this.#height }, (_, y) =>
      Array.from({ length: this.#width }, (_cell, x) => this.#rows[y]?.[x] ?? " "),
    );
  }

  write(bytes: Uint8Array): void {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    UNIT.lastIndex = 0;
    let at = 0;
    for (let found = UNIT.exec(text); found !== null; found = UNIT.exec(text)) {
      at = UNIT.lastIndex;
      this.#apply(found[0]);
    }
    // An escape sequence without end is waited for, a long one is no sequence at all.
    this.#rest = text.length - at > MAX_UNFINISHED ? "" : text.slice(at);
  }

  /** Rows with something on them, padded to the width. */
  lines(): readonly string[] {
    return this.#rows.map((row) => row.join("")).filter((line) => line.trim() !== "");
  }

  #emptyRow(): string[] {
    return Array.from({ length: this.#width }, () => " ");
  }

  #apply(unit: string): void {
    if (unit.startsWith("\x1b[")) this.#command(unit.slice(-1), unit.slice(2, -1));
    else if (unit === "\n") {
      this.#y += 1;
      this.#x = 0;
    } else if (unit === "\r") this.#x = 0;
    else if (unit === "\b") this.#x = Math.max(this.#x - 1, 0);
    else if (unit === "\t") for (let left = TAB - (this.#x % TAB); left > 0; left -= 1) this.#put(" ");
    else if (unit >= " ") this.#put(unit);
  }

  #put(char: string): void {
    if (this.#x >= this.#width) {
      this.#x = 0;
      this.#y += 1;
    }
    while (this.#y >= this.#height) {
      this.#rows.shift();
      this.#rows.push(this.#emptyRow());
      this.#y -= 1;
    }
    const row = this.#rows[this.#y];
    if (row !== undefined) row[this.#x] = char;
    this.#x += 1;
  }

  #command(letter: string, parameters: string): void {
    const [first, second] = parameters.split(";").map((text) => (text === "" ? undefined : Number(text)));
    const count = first ?? 1;
    if (letter === "A") this.#y = Math.max(this.#y - count, 0);
    else if (letter === "B") this.#y = Math.min(this.#y + count, this.#height - 1);
    else if (letter === "C") this.#x = Math.min(this.#x + count, this.#width - 1);
    else if (letter === "D") this.#x = Math.max(this.#x - count, 0);
    else if (letter === "G") this.#x = Math.min(Math.max(count - 1, 0), this.#width - 1);
    else if (letter === "H" || letter === "f") {
      this.#y = Math.min(Math.max(count - 1, 0), this.#height - 1);
      this.#x = Math.min(Math.max((second ?? 1) - 1, 0), this.#width - 1);
    } else if (letter === "K") this.#eraseInRow(first ?? 0);
    else if (letter === "J") this.#eraseRows(first ?? 0);
  }

  #eraseInRow(direction: number): void {
    const row = this.#rows[this.#y];
    if (row === undefined) return;
    const from = direction === 0 ? this.#x : 0;
    const to = direction === 1 ? this.#x + 1 : this.#width;
    row.fill(" ", from, to);
  }

  #eraseRows(direction: number): void {
    const from = direction === 0 ? this.#y : 0;
    const to = direction === 1 ? this.#y + 1 : this.#height;
    for (const row of this.#rows.slice(from, to)) row.fill(" ");
  }
}
