import { readFile } from "node:fs/promises";

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)), octal escapes undone. */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  /** Path within the mounted filesystem that forms its root, `/` unless it is a bind mount. */
  readonly root: string;
  readonly target: string;
  /** Options of this mount, e.g. `ro`, `nosuid`. */
  readonly options: readonly string[];
  /** Optional fields: `shared:1`, `master:2`, `propagate_from:3`, `unbindable`; empty for a private mount. */
  readonly propagation: readonly string[];
  readonly type: string;
  /** The device, file or word it was mounted from. */
  readonly source: string;
  /** Options of the filesystem, e.g. `lowerdir=…`. */
  readonly superOptions: readonly string[];
}

function unescape(text: string): string {
  if (!text.includes("\\")) return text;
  const bytes = text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
  return bytes;
}

function parseLine(line: string): MountEntry | undefined {
  const [mount = "", filesystem = ""] = line.split(" - ", 2);
  const [id, parentId, , root, target, options, ...propagation] = mount.split(" ");
  const [type, source, superOptions] = filesystem.split(" ");
  if (root === undefined || target === undefined || type === undefined || source === undefined) return undefined;
  return {
    id: Number(id),
    parentId: Number(parentId),
    root: unescape(root),
    target: unescape(target),
    options: (options ?? "").split(","),
    propagation,
    type,
    source: unescape(source),
    superOptions: (superOptions ?? "").split(",").map(unescape),
  };
}

/** The text of a mountinfo file → its mounts, in mount order. */
export function parseMountInfo(text: string): readonly MountEntry[] {
  return text
    .split("\n")
    .map(parseLine)
    .filter((entry) => entry !== undefined);
}

/** Mounts of this process, in mount order (the last one at a target is on top); with `prefix` only that path and what is below it. */
export async function listMounts(prefix?: string): Promise<readonly MountEntry[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  // Most who ask about one directory learn that nothing is there, which needs no parsing of a table of thousands.
  if (prefix !== undefined && !/[\s\\]/.test(prefix) && !text.includes(` ${prefix}`)) return [];
  const all = parseMountInfo(text);
  if (prefix === undefined || prefix === "/") return all;
  const below = prefix.endsWith("/") ? prefix : `${prefix}/`;
  return all.filter((entry) => entry.target === prefix || entry.target.startsWith(below));
}
