import { isAtLeast } from "./kernelRelease.ts";
import type { KernelRelease } from "./kernelRelease.ts";

/** Which ways to mount a layer file are safe on a kernel. */
export interface ErofsSupport {
  /** The file itself as backing store. */
  readonly file: boolean;
  /** Through a loop device. */
  readonly loop: boolean;
  /** Why not, or why: one sentence for `info` and logs. */
  readonly reason: string;
}

/**
 * First stable levels that carry "erofs: set fileio bio failed in short read case" (mainline 7.0-rc6; read in the release
 * announcements): without it a SIGKILL during a read leaves zero pages in the page cache that all containers share, and
 * `docker kill` is SIGKILL. Branches that ended before never got it.
 */
const KILL_SAFE_LEVELS = [
  { major: 6, minor: 12, patch: 80 },
  { major: 6, minor: 18, patch: 21 },
  { major: 6, minor: 19, patch: 11 },
] as const;
const FIRST_WITH_SMALL_BLOCKS = { major: 6, minor: 4 } as const;
const FIRST_FILE_BACKED = { major: 6, minor: 12 } as const;
const FIRST_KILL_SAFE_MAINLINE = { major: 7, minor: 0 } as const;

function isKillSafe(release: KernelRelease): boolean {
  if (isAtLeast(release, FIRST_KILL_SAFE_MAINLINE)) return !/-rc[1-5]\b/.test(release.text) || release.minor > 0;
  return KILL_SAFE_LEVELS.some(
    (level) => release.major === level.major && release.minor === level.minor && isAtLeast(release, level),
  );
}

/**
 * Decides by version alone, never by trying: 6.12.0 and 6.12.1 panic when a 512-byte-block image is mounted file-backed
 * (CVE-2024-56750). Whether EROFS is configured at all is for {@link hasFilesystem} to say.
 */
export function erofsSupport(release: KernelRelease): ErofsSupport {
  const version = `${release.major}.${release.minor}.${release.patch}`;
  if (!isAtLeast(release, FIRST_WITH_SMALL_BLOCKS)) {
    return { file: false, loop: false, reason: `Linux ${version} cannot read 512-byte EROFS blocks (needs 6.4)` };
  }
  if (!isAtLeast(release, FIRST_FILE_BACKED)) {
    return { file: false, loop: true, reason: `Linux ${version} has no file-backed EROFS mounts (needs 6.12)` };
  }
  if (!isKillSafe(release)) {
    return {
      file: false,
      loop: true,
      reason: `Linux ${version} is not known to survive SIGKILL during a file-backed EROFS read`,
    };
  }
  return { file: true, loop: true, reason: `Linux ${version} mounts EROFS from files` };
}
