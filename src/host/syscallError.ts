import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import { EngineError, ErrorCode, findEngineError } from "#errors";
import type { ErrorCategory } from "#errors";
import { lastErrno } from "./libc.ts";

const CATEGORIES: Readonly<Record<string, ErrorCategory>> = {
  ENOENT: "not_found",
  EEXIST: "already_exists",
  EACCES: "permission_denied",
  EPERM: "permission_denied",
  ENOSPC: "resource_exhausted",
  EDQUOT: "resource_exhausted",
  EBUSY: "conflict",
  EINVAL: "invalid_argument",
};

/** libuv and node:os do not name it; the kernel answers so when a filesystem cannot back an EROFS mount. */
const ENOTBLK = 15;

const NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(constants.errno).map(([name, value]) => [value, name] as const),
  [constants.errno.EAGAIN, "EAGAIN"],
  [constants.errno.EOPNOTSUPP, "EOPNOTSUPP"],
  [ENOTBLK, "ENOTBLK"],
]);

function textOf(errno: number): string {
  if (errno === ENOTBLK) return "block device required";
  // libuv adds "on socket", which it need not be.
  if (errno === constants.errno.EOPNOTSUPP) return "operation not supported";
  return getSystemErrorMap().get(-errno)?.[1] ?? `errno ${errno}`;
}

/** What failed, on what, why. `errno` is the number. */
export interface FailedSyscall {
  readonly syscall: string;
  readonly path: string | undefined;
  readonly errno: number;
  /** What the kernel said beyond the number. */
  readonly note?: string;
}

/** `details` carry `{ syscall, errno: "ENOENT", path }`. */
export function syscallError(failed: FailedSyscall): EngineError {
  const name = NAMES.get(failed.errno) ?? String(failed.errno);
  const category = CATEGORIES[name] ?? "internal";
  const about = failed.path === undefined ? failed.syscall : `${failed.syscall} ${failed.path}`;
  const note = failed.note === undefined || failed.note === "" ? "" : ` (${failed.note})`;
  return new EngineError(
    category,
    category === "resource_exhausted" ? ErrorCode.NO_SPACE : ErrorCode.SYSCALL,
    `${about}: ${textOf(failed.errno)}${note}`,
    { details: { syscall: failed.syscall, errno: name, path: failed.path ?? null } },
  );
}

/** Returns `result`, or throws what errno says when it is negative. */
export function checked(syscall: string, path: string | undefined, result: number): number {
  if (result >= 0) return result;
  throw syscallError({ syscall, path, errno: lastErrno() });
}

/**
 * An error of `node:fs` (it has `errno` and `syscall`) as an EngineError with the category of its errno, e.g. ENOSPC →
 * `resource_exhausted` NO_SPACE; anything else is returned as it is.
 */
export function fromNodeError(error: unknown): unknown {
  if (!(error instanceof Error) || findEngineError(error) !== undefined) return error;
  const { errno, syscall, path } = error as NodeJS.ErrnoException;
  if (errno === undefined || syscall === undefined) return error;
  return syscallError({ syscall, path, errno: Math.abs(errno) });
}

/** True if a syscall failed with this errno, e.g. `isErrno(err, "ENOTBLK")`. Walks `cause`; also knows errors of `node:fs`. */
export function isErrno(error: unknown, name: string): boolean {
  const engineError = findEngineError(error);
  if (engineError !== undefined) return engineError.details?.["errno"] === name;
  return error instanceof Error && (error as NodeJS.ErrnoException).code === name;
}
