import { join, resolve } from "node:path";

/** The tree that is bundled. */
export const ROOT: string = resolve(import.meta.dirname, "../..");
export const OUT: string = join(ROOT, "bundle");
/** What `bin/varve` runs. */
export const LOADER: string = join(OUT, "varve.cjs");

/** A source as it was bundled: path below the root, mtime in milliseconds, bytes. */
export type BundledFile = readonly [path: string, mtimeMs: number, size: number];

/** What stands in front of a script's code, as JSON. */
export interface Manifest {
  readonly files: readonly BundledFile[];
  /** For the entry (`""`) and for what each `import()` names: indexes into `files` of all that it imports at once. */
  readonly parts: Readonly<Record<string, readonly number[]>>;
}

/** Loads what an `import()` names: `bundled` while its sources are as they were; without, it is in the other script. */
export type LoadPart = (part: string, bundled?: () => Promise<unknown>) => Promise<unknown>;

/** What a script evaluates to. */
export interface BundleScript<T> {
  readonly manifest: string;
  readonly open: (root: string, loadPart: LoadPart) => T;
}

/** The everyday commands. */
export interface MainScript {
  readonly main: (argv: readonly string[]) => Promise<void>;
  readonly runProgram: (argv: readonly string[]) => Promise<number>;
}

/** All others, by what an `import()` names. */
export interface OtherScript {
  readonly parts: Readonly<Record<string, () => Promise<unknown>>>;
}

/** Where the code cache of a script lies, for the V8 that runs. */
export const cacheOf = (script: string): string => `${script}.${process.version}-${process.arch}.cache`;
