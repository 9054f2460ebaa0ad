import { open } from "node:fs/promises";
import { constants } from "node:os";
import { LOCK } from "./constants.ts";
import { lastErrno, nativeFunction } from "./libc.ts";
import { fromNodeError, syscallError } from "./syscallError.ts";

const flock = nativeFunction<[number, number]>("int flock(int, int)");

/** A held lock. The kernel frees it also when the process dies. */
export interface FileLock extends AsyncDisposable {
  readonly path: string;
}

/** Takes an exclusive flock(2) on `path`, made if absent and never removed; undefined when another process or handle holds it. */
export async function lockFile(path: string): Promise<FileLock | undefined> {
  const file = await open(path, "a", 0o600).catch((error: unknown) => {
    throw fromNodeError(error);
  });
  if (flock.call(file.fd, LOCK.EX | LOCK.NB) === 0) {
    return { path, [Symbol.asyncDispose]: () => file.close() };
  }
  const errno = lastErrno();
  await file.close();
  if (errno === constants.errno.EWOULDBLOCK) return undefined;
  throw syscallError({ syscall: "flock", path, errno });
}
