import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** When every file of a context was last changed: what a build keeps of it can be told from what it makes. */
export const CONTEXT_TIME = 1_600_000_000;

/** A file's content, or something else: a path that ends in `/` is a directory. */
export type ContextFile =
  | string
  | {
      readonly body?: string | Uint8Array;
      readonly mode?: number;
      readonly link?: string;
      readonly hard?: string;
      readonly fifo?: boolean;
      readonly time?: number;
    };

export type ContextFiles = Readonly<Record<string, ContextFile>>;

function writeEntry(root: string, path: string, given: ContextFile): void {
  const spec = typeof given === "string" ? { body: given } : given;
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  if (path.endsWith("/")) mkdirSync(full, { recursive: true });
  else if (spec.link !== undefined) symlinkSync(spec.link, full);
  else if (spec.hard !== undefined) linkSync(join(root, spec.hard), full);
  else if (spec.fifo === true) execFileSync("mkfifo", [full]);
  else writeFileSync(full, spec.body ?? "");
  if (spec.link === undefined && spec.hard === undefined) {
    chmodSync(full, spec.mode ?? (path.endsWith("/") ? 0o755 : 0o644));
  }
}

/** Every path with the directories above it. */
function withParents(paths: readonly string[]): readonly string[] {
  const all = new Set<string>();
  for (const path of paths) {
    for (let at = path.replace(/\/$/, ""); at !== "." && at !== ""; at = dirname(at)) all.add(at);
  }
  return [...all].sort((left, right) => right.length - left.length);
}

/** Writes a context below a folder that exists; the same modes and times wherever it is done. */
export function writeContext(root: string, files: ContextFiles): void {
  for (const [path, given] of Object.entries(files)) writeEntry(root, path, given);
  for (const path of withParents(Object.keys(files))) {
    const given = files[path] ?? files[`${path}/`];
    const time = (typeof given === "object" ? given.time : undefined) ?? CONTEXT_TIME;
    if (files[path] === undefined && files[`${path}/`] === undefined) chmodSync(join(root, path), 0o755);
    lutimesSync(join(root, path), time, time);
  }
  lutimesSync(root, CONTEXT_TIME, CONTEXT_TIME);
}
