import { EngineError, ErrorCode } from "#errors";

/** Gives the mode that `--chmod` makes of one that is there. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

const CLAUSE = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/;
const WHO: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o1007 };
const PERMISSION: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111 };
const ALL_BITS = 0o7777;

/** `0644`, or as chmod(1): `u+x,go=`. @throws {invalid_argument} */
export function parseModeChange(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text)) {
    const mode = Number.parseInt(text, 8);
    if (mode <= ALL_BITS) return () => mode;
  }
  const changes = text.split(",").flatMap((clause) => parseClause(clause, text));
  return (mode, isDirectory) => changes.reduce((given, change) => change(given, isDirectory), mode);
}

function parseClause(clause: string, whole: string): ModeChange[] {
  const match = CLAUSE.exec(clause);
  if (match === null) {
    const message = `invalid chmod parameter: '${whole}'. it should be octal string and between 0 and 07777`;
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
  }
  const [, who = "", actions = ""] = match;
  const bits = who === "" || who.includes("a") ? ALL_BITS : maskOf(who);
  return Array.from(actions.matchAll(/([-+=])([^-+=]*)/g), ([, sign = "", what = ""]) => change(sign, what, bits));
}

function maskOf(who: string): number {
  let bits = 0;
  for (const letter of who) bits |= WHO[letter] ?? 0;
  return bits;
}

function change(sign: string, what: string, who: number): ModeChange {
  return (mode, isDirectory) => {
    const bits = bitsOf(what, mode, isDirectory) & who;
    if (sign === "+") return mode | bits;
    if (sign === "-") return mode & ~bits;
    // As chmod(1), directories keep setuid and setgid that `=` does not name.
    const cleared = isDirectory ? who & ~0o6000 : who;
    return (mode & ~cleared) | bits;
  };
}

function bitsOf(what: string, mode: number, isDirectory: boolean): number {
  if (what === "u") return ((mode >> 6) & 7) * 0o111;
  if (what === "g") return ((mode >> 3) & 7) * 0o111;
  if (what === "o") return (mode & 7) * 0o111;
  let bits = 0;
  for (const letter of what) {
    if (letter === "X") bits |= isDirectory || (mode & 0o111) !== 0 ? 0o111 : 0;
    else if (letter === "s") bits |= 0o6000;
    else if (letter === "t") bits |= 0o1000;
    else bits |= PERMISSION[letter] ?? 0;
  }
  return bits;
}
