import { StringDecoder } from "node:string_decoder";

/** What comes from the terminal. */
export type InputEvent =
  | {
      readonly kind: "key";
      /** `a`, `A`, `up`, `enter`, `space`, `ctrl+a`, `alt+x`, `shift+tab` … */
      readonly key: string;
      /** The character that it types; undefined: none. */
      readonly text: string | undefined;
    }
  | {
      readonly kind: "mouse";
      readonly action: "press" | "wheelUp" | "wheelDown";
      /** From 0. */
      readonly column: number;
      readonly row: number;
    }
  | { readonly kind: "paste"; readonly text: string }
  /** The terminal's own background, 0 (black) … 1. */
  | { readonly kind: "background"; readonly lightness: number };

const ESCAPE = "\x1b";
const PASTE_START = "\x1b[200~";
const PASTE_END = "\x1b[201~";
/** A sequence without end this long is none. */
const LONGEST_SEQUENCE = 256;

const CSI_LETTERS: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
  Z: "shift+tab",
};
const CSI_NUMBERS: Readonly<Record<string, string>> = {
  1: "home",
  2: "insert",
  3: "delete",
  4: "end",
  5: "pageUp",
  6: "pageDown",
  7: "home",
  8: "end",
  11: "f1",
};
const CONTROLS: Readonly<Record<string, string>> = {
  "\x00": "ctrl+space",
  "\t": "tab",
  "\r": "enter",
  // What a terminal sends for Ctrl+J; some send it for Enter.
  "\n": "enter",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x1b": "escape",
  "\x1f": "ctrl+/",
  " ": "space",
};

// CSI, SS3, OSC up to its end (BEL or ST), DCS likewise.
const SEQUENCE = new RegExp(
  [`${ESCAPE}\\[[0-?]*[ -/]*[@-~]`, `${ESCAPE}O[@-~]`, `${ESCAPE}[\\]P][^\\x07${ESCAPE}]*(?:\\x07|${ESCAPE}\\\\)`].join(
    "|",
  ),
  "y",
);
const UNFINISHED = new RegExp(`${ESCAPE}(?:\\[[0-?]*[ -/]*|O|[\\]P][^\\x07${ESCAPE}]*${ESCAPE}?)?$`, "y");
/** Keys that terminals with the kitty protocol tell apart: `CSI 109;5u` is Ctrl+M, where "\r" is Enter; xterm's form is `CSI 27;5;109~`. */
const KITTY = new RegExp(`^${ESCAPE}\\[(\\d+)(?::\\d*)*(?:;(\\d+)(?::\\d+)?)?u$`);
const XTERM_OTHER = new RegExp(`^${ESCAPE}\\[27;(\\d+);(\\d+)~$`);
const MOUSE = new RegExp(`^${ESCAPE}\\[<(\\d+);(\\d+);(\\d+)([Mm])$`);
const CSI = new RegExp(`^${ESCAPE}\\[(\\d*)(?:;(\\d+))?([A-Za-z~])$`);
const BACKGROUND = /^.\]11;rgba?:([0-9a-f]+)\/([0-9a-f]+)\/([0-9a-f]+)/i;

const modifiersOf = (code: number): string => {
  const bits = Math.max(code - 1, 0);
  return `${(bits & 4) === 0 ? "" : "ctrl+"}${(bits & 2) === 0 ? "" : "alt+"}${(bits & 1) === 0 ? "" : "shift+"}`;
};

const keyEvent = (key: string, text?: string): InputEvent => ({ kind: "key", key, text });

function mouseEvent(button: number, column: number, row: number): InputEvent | undefined {
  const at = { column: column - 1, row: row - 1 };
  if (button === 64) return { kind: "mouse", action: "wheelUp", ...at };
  if (button === 65) return { kind: "mouse", action: "wheelDown", ...at };
  return (button & 0b11) === 0 && button < 32 ? { kind: "mouse", action: "press", ...at } : undefined;
}

/** `rgb:ffff/8080/0000` → how light it is for the eye. */
function backgroundEvent(parts: readonly string[]): InputEvent {
  const [red = 0, green = 0, blue = 0] = parts.map((hex) => Number.parseInt(hex, 16) / (16 ** hex.length - 1));
  return { kind: "background", lightness: (299 * red + 587 * green + 114 * blue) / 1000 };
}

/** A key by the code point that it has without modifiers. */
function codedKey(code: number, modifiers: number): InputEvent {
  const char = String.fromCodePoint(code);
  const name = CONTROLS[char] ?? char;
  const shift = ((modifiers - 1) & 1) === 1;
  const held = modifiersOf(modifiers);
  if (held === "" || (held === "shift+" && name.length === 1)) {
    return name.length === 1 && shift ? characterEvent(char.toUpperCase()) : characterEvent(char);
  }
  return keyEvent(held + name);
}

function codedEvent(text: string): InputEvent | undefined {
  const kitty = KITTY.exec(text);
  if (kitty !== null) return codedKey(Number(kitty[1]), Number(kitty[2] ?? "1"));
  const xterm = XTERM_OTHER.exec(text);
  return xterm === null ? undefined : codedKey(Number(xterm[2]), Number(xterm[1]));
}

function sequenceEvent(text: string): InputEvent | undefined {
  const coded = codedEvent(text);
  if (coded !== undefined) return coded;
  const mouse = MOUSE.exec(text);
  if (mouse !== null) {
    return mouse[4] === "M" ? mouseEvent(Number(mouse[1]), Number(mouse[2]), Number(mouse[3])) : undefined;
  }
  const background = BACKGROUND.exec(text);
  if (background !== null) return backgroundEvent(background.slice(1));
  if (text.startsWith(`${ESCAPE}O`)) {
    const name = text === `${ESCAPE}OP` ? "f1" : CSI_LETTERS[text.slice(2)];
    return name === undefined ? undefined : keyEvent(name);
  }
  const csi = CSI.exec(text);
  if (csi === null) return undefined;
  const [, number = "", modifiers = "1", letter = ""] = csi;
  const name = letter === "~" ? CSI_NUMBERS[number] : CSI_LETTERS[letter];
  return name === undefined ? undefined : keyEvent(modifiersOf(Number(modifiers)) + name);
}

function characterEvent(char: string): InputEvent {
  const known = CONTROLS[char];
  if (known !== undefined) return keyEvent(known, char === " " ? " " : undefined);
  const code = char.charCodeAt(0);
  if (code < 0x20) return keyEvent(`ctrl+${String.fromCharCode(code + 0x60)}`);
  return keyEvent(char, char);
}

/**
 * Bytes of a terminal → events. A sequence may come in pieces; a lone escape is known to be the key only when nothing
 * follows it: call {@link flush} after some 50 ms when {@link isWaiting}.
 */
export class InputDecoder {
  readonly #utf8 = new StringDecoder("utf8");
  #rest = "";
  #paste: string | undefined;

  /** Whether something has come that more input may belong to. */
  get isWaiting(): boolean {
    return this.#rest !== "" && this.#paste === undefined;
  }

  feed(bytes: Buffer): readonly InputEvent[] {
    this.#rest += this.#utf8.write(bytes);
    return this.#take(false);
  }

  /** Nothing more came: what waits is what it is. */
  flush(): readonly InputEvent[] {
    return this.#take(true);
  }

  #take(isOver: boolean): readonly InputEvent[] {
    const events: InputEvent[] = [];
    let at = 0;
    while (at < this.#rest.length) {
      if (this.#paste !== undefined || this.#rest.startsWith(PASTE_START, at)) {
        at = this.#takePaste(at, events);
        if (this.#paste !== undefined) break;
        continue;
      }
      const next = this.#takeOne(at, events, isOver);
      if (next === at) break;
      at = next;
    }
    this.#rest = this.#rest.slice(at);
    return events;
  }

  /** Answers where the next begins; `at` itself when more is needed. */
  #takeOne(at: number, events: InputEvent[], isOver: boolean): number {
    const text = this.#rest;
    if (text[at] !== ESCAPE) {
      const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
      events.push(characterEvent(char));
      return at + char.length;
    }
    SEQUENCE.lastIndex = at;
    const found = SEQUENCE.exec(text)?.[0];
    if (found !== undefined) {
      const event = sequenceEvent(found);
      if (event !== undefined) events.push(event);
      return at + found.length;
    }
    UNFINISHED.lastIndex = at;
    if (!isOver && UNFINISHED.test(text) && text.length - at < LONGEST_SEQUENCE) return at;
    const after = text[at + 1];
    if (after === undefined || after === ESCAPE || isOver) {
      events.push(keyEvent("escape"));
      return at + 1;
    }
    const event = characterEvent(after);
    events.push(event.kind === "key" ? keyEvent(`alt+${event.key}`) : event);
    return at + 2;
  }

  #takePaste(at: number, events: InputEvent[]): number {
    const start = this.#paste === undefined ? at + PASTE_START.length : at;
    const end = this.#rest.indexOf(PASTE_END, start);
    if (end < 0) {
      // The end mark itself may be cut.
      const safe = Math.max(start, this.#rest.length - PASTE_END.length);
      this.#paste = (this.#paste ?? "") + this.#rest.slice(start, safe);
      this.#rest = this.#rest.slice(safe);
      return 0;
    }
    events.push({ kind: "paste", text: (this.#paste ?? "") + this.#rest.slice(start, end) });
    this.#paste = undefined;
    return end + PASTE_END.length;
  }
}
