import { lstatSync, readdirSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { findXattr, isErrno } from "#host";

const OPAQUE = "trusted.overlay.opaque";
const SLASH = Buffer.from("/");

/** What a stack of layers has under a name. */
export interface StackEntry {
  readonly stat: BigIntStats;
  /** Where the entry itself lies. */
  readonly path: Buffer;
  /** For a directory: what is in it. */
  readonly directory: StackDirectory | undefined;
}

/**
 * A directory of a stack as overlayfs would merge it, read from the layers' own directories, without a mount of the stack:
 * whiteouts hide, opaque directories cut. Names are latin1, one character a byte, and single: no symlink is walked through.
 */
export class StackDirectory {
  /** This directory in each layer that shows through, top first. */
  readonly #parts: readonly Buffer[];

  private constructor(parts: readonly Buffer[]) {
    this.#parts = parts;
  }

  /** The root of a stack, top first. */
  static root(layers: readonly string[]): StackDirectory {
    return new StackDirectory(untilOpaque(layers.map((layer) => Buffer.from(layer))));
  }

  find(name: string): StackEntry | undefined {
    const parts: Buffer[] = [];
    let top: BigIntStats | undefined;
    for (const part of this.#parts) {
      const path = Buffer.concat([part, SLASH, Buffer.from(name, "latin1")]);
      const stat = lstat(path);
      if (stat === undefined) continue;
      if (isWhiteout(stat)) break;
      if (top === undefined && !stat.isDirectory()) return { stat, path, directory: undefined };
      if (!stat.isDirectory()) break;
      top ??= stat;
      parts.push(path);
    }
    const [path] = parts;
    if (top === undefined || path === undefined) return undefined;
    return { stat: top, path, directory: new StackDirectory(untilOpaque(parts)) };
  }

  /** Every name, in byte order. */
  names(): readonly string[] {
    const found = new Set<string>();
    for (const part of this.#parts) for (const name of readdirSync(part, "latin1")) found.add(name);
    return [...found].filter((name) => this.find(name) !== undefined).sort();
  }
}

/** Overlayfs' mark that a name is deleted: a character device 0/0. */
export function isWhiteout(stat: BigIntStats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0n;
}

/** True for a directory that hides what layers below have under its name. */
export function isOpaque(path: Buffer): boolean {
  return findXattr(path, OPAQUE)?.toString("latin1") === "y";
}

function untilOpaque(parts: readonly Buffer[]): readonly Buffer[] {
  const end = parts.length < 2 ? -1 : parts.findIndex(isOpaque);
  return end < 0 ? parts : parts.slice(0, end + 1);
}

function lstat(path: Buffer): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}
