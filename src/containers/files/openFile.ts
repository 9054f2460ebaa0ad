/** Names of what is open: node:fs takes paths where the kernel would take an fd and a name. */

/** @see asm-generic/fcntl.h */
export const O_PATH = 0o10000000;
/** Directories within directories; deeper trees are made to harm. */
export const MAX_DEPTH = 1000;

/** What an fd stands for. Follows nothing but the fd's own link. */
export const fdPath = (fd: number): string => `/proc/self/fd/${fd}`;

/** A name (latin1) in an open directory. */
export function pathAt(directory: number, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${fdPath(directory)}/`), Buffer.from(name, "latin1")]);
}
