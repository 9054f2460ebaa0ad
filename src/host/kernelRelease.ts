import { release } from "node:os";
import { EngineError, ErrorCode } from "#errors";

/** A kernel's version; `text` is `uname -r` whole. */
export interface KernelRelease {
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  /** Stable level: 44 of `6.18.44-fc`; 0 when the text has none. */
  readonly patch: number;
}

/** `6.12.9-amd64` → its numbers. A release candidate counts as its release's patch 0. @throws {invalid_argument} */
export function parseKernelRelease(text: string): KernelRelease {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  if (match === null) {
    throw new EngineError("invalid_argument", ErrorCode.UNSUPPORTED_KERNEL, `unknown kernel release "${text}"`);
  }
  return { text, major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3] ?? 0) };
}

/** The running kernel. */
export function kernelRelease(): KernelRelease {
  return parseKernelRelease(release());
}

/** Compares major, minor, then patch (0 when absent). */
export function isAtLeast(
  release: KernelRelease,
  wanted: { readonly major: number; readonly minor: number; readonly patch?: number },
): boolean {
  if (release.major !== wanted.major) return release.major > wanted.major;
  if (release.minor !== wanted.minor) return release.minor > wanted.minor;
  return release.patch >= (wanted.patch ?? 0);
}
