import { EngineError, ErrorCode } from "#errors";
import { invalidMount } from "./mountError.ts";
import type { MountRequest } from "../request/mountRequest.ts";

type TmpfsOptions = NonNullable<MountRequest["TmpfsOptions"]>;

/** What a tmpfs has unless its options say otherwise. */
const BASE = ["noexec", "nosuid", "nodev", "rprivate"] as const;

/** Words that say something about the same thing: the last one counts. */
const FLAGS: readonly (readonly string[])[] = [
  ["ro", "rw"],
  ["suid", "nosuid"],
  ["dev", "nodev"],
  ["exec", "noexec"],
  ["sync", "async"],
  ["dirsync"],
  ["remount"],
  ["mand", "nomand"],
  ["atime", "noatime"],
  ["diratime", "nodiratime"],
  ["bind", "rbind"],
  ["relatime", "norelatime"],
  ["strictatime", "nostrictatime"],
  ["unbindable", "runbindable", "private", "rprivate", "shared", "rshared", "slave", "rslave"],
];
const VALUES = ["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"];

/** What an option is about; undefined for one that no tmpfs takes. */
function topic(option: string): string | undefined {
  const group = FLAGS.findIndex((words) => words.includes(option));
  if (group >= 0) return `flag ${group}`;
  const [key = "", value] = option.split(/=(.*)/s, 2);
  return value !== undefined && VALUES.includes(key) ? key : undefined;
}

/**
 * Options of a tmpfs for the runtime: Docker's own, changed by the user's, which are comma separated.
 * @throws {internal} `invalid tmpfs option "x"`
 */
export function mergeTmpfsOptions(text: string): readonly string[] {
  const own = text === "" ? [] : text.split(",");
  const merged = new Map<string, string>();
  for (const option of [...BASE, ...own].filter((word) => word !== "defaults")) {
    const about = topic(option);
    if (about === undefined) {
      const message = `invalid tmpfs option ${JSON.stringify(option.split("=", 1)[0])}`;
      throw new EngineError("internal", ErrorCode.BAD_REQUEST, message);
    }
    merged.delete(about);
    merged.set(about, option);
  }
  return [...merged.values()];
}

const UNITS: readonly (readonly [number, string])[] = [
  [1 << 30, "g"],
  [1 << 20, "m"],
  [1 << 10, "k"],
];

function sizeText(bytes: number): string {
  const [unit, letter] = UNITS.find(([unit]) => bytes % unit === 0) ?? [1, ""];
  return `size=${bytes / unit}${letter}`;
}

/** The options of `HostConfig.Mounts[].TmpfsOptions` as text. @throws {invalid_argument} */
export function tmpfsText(options: TmpfsOptions, readOnly: boolean): string {
  const { Mode = 0, SizeBytes = 0, Options = [] } = options;
  const odd = Options.find(({ length }) => length < 1 || length > 2);
  if (odd !== undefined) throw invalidMount("invalid option array length");
  return [
    ...(readOnly ? ["ro"] : []),
    ...(Mode === 0 ? [] : [`mode=${Mode.toString(8)}`]),
    ...(SizeBytes === 0 ? [] : [sizeText(SizeBytes)]),
    ...Options.map((option) => option.join("=")),
  ].join(",");
}
