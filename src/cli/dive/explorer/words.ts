import { NodeState } from "#analysis";
import type { LayerEntry } from "#analysis";

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Bytes as dive shows them: `811 B`, `4.2 MB`, `13 kB`. */
export function bytesText(bytes: number): string {
  if (bytes < 10) return `${bytes} B`;
  let unit = 0;
  let scale = 1;
  while (bytes >= scale * 1000 && unit < UNITS.length - 1) {
    scale *= 1000;
    unit += 1;
  }
  const value = Math.floor((bytes / scale) * 10 + 0.5) / 10;
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${UNITS[unit] ?? ""}`;
}

const LETTERS: Readonly<Record<LayerEntry["type"], string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  char: "c",
  block: "b",
  fifo: "p",
};

/** `-rwsr-xr-x`. */
export function modeText({ type, mode }: Pick<LayerEntry, "type" | "mode">): string {
  const bits = "rwxrwxrwx".split("").map((letter, index) => ((mode >> (8 - index)) & 1 ? letter : "-"));
  const special = (place: number, bit: number, [set, alone]: readonly [string, string]): void => {
    if ((mode & bit) !== 0) bits[place] = bits[place] === "x" ? set : alone;
  };
  special(2, 0o4000, ["s", "S"]);
  special(5, 0o2000, ["s", "S"]);
  special(8, 0o1000, ["t", "T"]);
  return LETTERS[type] + bits.join("");
}

export const STATE_WORDS: Readonly<Record<number, string>> = {
  [NodeState.absent]: "absent",
  [NodeState.unmodified]: "unmodified",
  [NodeState.modified]: "modified",
  [NodeState.added]: "added",
  [NodeState.removed]: "removed",
};
