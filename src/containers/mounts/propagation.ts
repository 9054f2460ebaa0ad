import { realpath } from "node:fs/promises";
import { EngineError, ErrorCode } from "#errors";
import { isErrno, listMounts } from "#host";
import type { MountEntry } from "#host";
import { missingSource } from "./mountError.ts";
import type { MountPoint } from "./mountPoint.ts";

/** What a mount's propagation asks of the container's root: the runtime makes everything private otherwise. */
export type RootPropagation = "shared" | "rslave";

/** The mount that holds a path. */
async function mountOf(source: string): Promise<MountEntry | undefined> {
  let path: string;
  try {
    path = await realpath(source);
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw missingSource(source);
    throw error;
  }
  let found: MountEntry | undefined;
  for (const entry of await listMounts()) {
    const below = entry.target === "/" ? "/" : `${entry.target}/`;
    const holds = path === entry.target || path.startsWith(below);
    // The last one at a place is on top.
    if (holds && entry.target.length >= (found?.target.length ?? 0)) found = entry;
  }
  return found;
}

function refused(source: string, entry: MountEntry | undefined, wanted: string): EngineError {
  const message = `path ${source} is mounted on ${entry?.target ?? "/"} but it is not a ${wanted} mount`;
  return new EngineError("internal", ErrorCode.BAD_REQUEST, message);
}

/**
 * What the container's root must be for a bind to spread as it shall, and how it spreads then: a slave that nobody asked for
 * is given up where the host has nothing to follow.
 * @throws `path /x is mounted on / but it is not a shared mount`
 */
export async function resolvePropagation(
  point: MountPoint,
): Promise<{ readonly propagation: string; readonly root?: RootPropagation }> {
  const { propagation, source } = point;
  const shared = /^r?shared$/.test(propagation);
  const slave = /^r?slave$/.test(propagation);
  if (!shared && !slave) return { propagation };
  const entry = await mountOf(source);
  const has = (kind: string): boolean => entry?.propagation.some((field) => field.startsWith(`${kind}:`)) === true;
  if (shared) {
    if (!has("shared")) throw refused(source, entry, "shared");
    return { propagation, root: "shared" };
  }
  if (has("shared") || has("master")) return { propagation, root: "rslave" };
  if (point.ownPropagation === true) throw refused(source, entry, "shared or slave");
  return { propagation: "" };
}
