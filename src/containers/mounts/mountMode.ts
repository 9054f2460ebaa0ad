import { invalidMount } from "./mountError.ts";

export const PROPAGATION: readonly string[] = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];
export const DEFAULT_PROPAGATION = "rprivate";

/** Each group gives at most one word to a mode. */
const GROUPS: readonly (readonly string[])[] = [
  ["ro", "rw"],
  ["z", "Z"],
  PROPAGATION,
  ["nocopy"],
  ["consistent", "cached", "delegated"],
];
/** What a mode of `--volumes-from` may say. */
const FROM_GROUPS: readonly (readonly string[])[] = [
  ["ro", "rw"],
  ["z", "Z"],
  ["consistent", "cached", "delegated"],
];

/** The third part of a bind text, read. */
export interface MountMode {
  readonly writable: boolean;
  readonly propagation: string | undefined;
  readonly noCopy: boolean;
}

function fits(mode: string, groups: readonly (readonly string[])[]): boolean {
  if (mode === "") return true;
  const words = mode.split(",");
  const known = words.every((word) => groups.some((group) => group.includes(word)));
  return known && groups.every((group) => words.filter((word) => group.includes(word)).length <= 1);
}

/** True for text that could be a mode: that is why it cannot be a destination. */
export function isMountMode(text: string): boolean {
  return fits(text, GROUPS);
}

/** @throws {invalid_argument} `invalid mode: x` */
export function parseMountMode(text: string): MountMode {
  if (!isMountMode(text)) throw invalidMount(`invalid mode: ${text}`);
  const words = text.split(",");
  return {
    writable: !words.includes("ro"),
    propagation: words.find((word) => PROPAGATION.includes(word)),
    noCopy: words.includes("nocopy"),
  };
}

/** `container[:mode]` of `--volumes-from`. @throws {invalid_argument} in Docker's words */
export function parseVolumesFrom(text: string): { readonly container: string; readonly writable: boolean } {
  if (text === "") throw invalidMount("volumes-from specification cannot be an empty string");
  const [container = "", mode = ""] = text.split(/:(.*)/s, 2);
  if (!fits(mode, FROM_GROUPS)) throw invalidMount(`invalid mode: ${mode}`);
  return { container, writable: !mode.split(",").includes("ro") };
}
