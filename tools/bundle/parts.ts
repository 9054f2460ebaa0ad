import { join, resolve } from "node:path";

/** The tree that is bundled. */
export const ROOT: string = resolve(import.meta.dirname, "../..");
export const OUT: string = join(ROOT, "bundle");
/** What `bin/varve` runs. */
export const LOADER: string = join(OUT, "varve.cjs");

/** A source as it was bundled: path below the root, mtime in milliseconds, bytes. */
export type BundledFile = readonly [path: string, mtimeMs: number, size: number];

/** What stands in front of the bundle's code, as JSON. */
export interface Manifest {
  readonly files: readonly BundledFile[];
  /** For the entry (`""`) and for what each `import()` names: indexes into `files` of all that it imports at once. */
  readonly parts: Readonly<Record<string, readonly number[]>>;
}

/** Loads what an `import()` names: `bundled` while its sources are as they were. */
export type LoadPart = (part: string, bundled: () => Promise<unknown>) => Promise<unknown>;

/** What the bundle's script evaluates to. */
export interface BundleScript {
  readonly manifest: string;
  readonly open: (root: string, loadPart: LoadPart) => BundledProgram;
}

export interface BundledProgram {
  readonly main: (argv: readonly string[]) => Promise<void>;
  readonly runProgram: (argv: readonly string[]) => Promise<number>;
}
