import type { MergedImage } from "../mergedImage.ts";

export type PackageManager = "dpkg" | "apk" | "rpm" | "npm" | "pip";

/** One installed package. Strings as the manager writes them. */
export interface Package {
  readonly manager: PackageManager;
  readonly name: string;
  /** Whole: of Debian and RPM with epoch and revision. */
  readonly version: string;
  /** Undefined where the manager knows none. */
  readonly arch: string | undefined;
  /** Where that is said: the path of the database's file or of the package's directory. Clean, latin1. */
  readonly location: string;
}

/** A package and what it owns. Both lists hold clean latin1 paths as the manager writes them. */
export interface FoundPackage {
  readonly pkg: Package;
  readonly files: readonly string[];
  /** Directories that are the package's with all they hold, less what deeper ones claim. */
  readonly directories: readonly string[];
}

/** What the readers of databases work with: the image's files by path, bounded. */
export interface PackageFiles {
  readonly merged: MergedImage;
  /** Whether the lists of files are wanted: some managers keep them in a file for each package. */
  readonly wantsFiles: boolean;
  /** Bytes of a regular file, symlinks followed; undefined when there is none, or too much (then a note says so). */
  read(path: string): Promise<Buffer | undefined>;
  /** Tells the user of something that was not read. */
  note(text: string): void;
  /** A list of all, made a few at a time. */
  all<T, U>(items: readonly T[], work: (item: T) => Promise<U>): Promise<readonly U[]>;
}

/** More packages than an image can sensibly have are not read. */
export const MAX_PACKAGES = 100_000;
