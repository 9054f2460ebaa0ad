import type { FileLine } from "#analysis";

const TYPES: Readonly<Record<FileLine["type"], string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  char: "c",
  block: "b",
  fifo: "p",
};
const TRIPLES = ["---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"];
/** As tar's: columns grow to the right and never go back. */
const FIRST_WIDTH = 19;
const ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\" };

/** A path on one line, as `ls -b`: control characters and the backslash stand escaped. */
export function escapePath(path: string): string {
  return path.replaceAll(
    /[\\\p{Cc}]/gu,
    (char) => ESCAPES[char] ?? `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}

/** `-rwsr-xr-x` */
export function modeText({ type, mode }: Pick<FileLine, "type" | "mode">): string {
  const bits = Number.parseInt(mode, 8);
  const parts = [6, 3, 0].map((shift) => TRIPLES[(bits >> shift) & 7] ?? "");
  const special = [0o4000, 0o2000, 0o1000].map((bit) => (bits & bit) !== 0);
  const letters = ["s", "s", "t"];
  const shown = parts.map((triple, index) => {
    if (special[index] !== true) return triple;
    const letter = letters[index] ?? "";
    return triple.slice(0, 2) + (triple.endsWith("x") ? letter : letter.toUpperCase());
  });
  return (TYPES[type] ?? "?") + shown.join("");
}

const two = (value: number): string => String(value).padStart(2, "0");

/** `2026-11-25 01:42`, local time. */
function timeText(iso: string): string {
  const time = new Date(iso);
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** Lines of `ls-files -l`, one after another, in the form of `tar -tv`. */
export class LongListing {
  #width = FIRST_WIDTH;

  line(file: FileLine): string {
    const owner = `${file.uid}/${file.gid}`;
    const size = file.device?.replace(":", ",") ?? String(file.size);
    this.#width = Math.max(this.#width, owner.length + 1 + size.length);
    const numbers = `${owner}${size.padStart(this.#width - owner.length)}`;
    const symlink = file.target === undefined ? "" : ` -> ${escapePath(file.target)}`;
    const link = file.hardLinkTo === undefined ? "" : ` link to ${escapePath(file.hardLinkTo)}`;
    return `${modeText(file)} ${numbers} ${timeText(file.mtime)} ${escapePath(file.path)}${symlink}${link}`;
  }
}
