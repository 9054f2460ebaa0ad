import { constants } from "node:os";
import { cPath, pathText } from "./cPath.ts";
import type { Path } from "./cPath.ts";
import { lastErrno, nativeFunction } from "./libc.ts";
import { checked, syscallError } from "./syscallError.ts";

type Value = Uint8Array | null;
const llistxattr = nativeFunction<[Buffer, Value, number]>("int64_t llistxattr(const void*, void*, uint64_t)");
const flistxattr = nativeFunction<[number, Value, number]>("int64_t flistxattr(int, void*, uint64_t)");
const lgetxattr = nativeFunction<[Buffer, Buffer, Value, number]>(
  "int64_t lgetxattr(const void*, const void*, void*, uint64_t)",
);
const lsetxattr = nativeFunction<[Buffer, Buffer, Uint8Array, number, number]>(
  "int lsetxattr(const void*, const void*, const void*, uint64_t, int)",
);
const lremovexattr = nativeFunction<[Buffer, Buffer]>("int lremovexattr(const void*, const void*)");

/** Both ask for the size first; the attribute may grow in between, then ERANGE says to ask again. */
function readSized(syscall: string, path: Path, read: (target: Value, size: number) => number): Buffer | undefined {
  for (;;) {
    const size = read(null, 0);
    if (size <= 0) return sizeless(syscall, path, size);
    const bytes = Buffer.allocUnsafe(size);
    const length = read(bytes, size);
    if (length >= 0) return bytes.subarray(0, length);
    if (lastErrno() !== constants.errno.ERANGE) return sizeless(syscall, path, length);
  }
}

function sizeless(syscall: string, path: Path, result: number): Buffer | undefined {
  if (result === 0) return Buffer.alloc(0);
  const errno = lastErrno();
  if (errno === constants.errno.EOPNOTSUPP || errno === constants.errno.ENODATA) return undefined;
  throw syscallError({ syscall, path: pathText(path), errno });
}

/** All extended attributes of the entry itself (a symlink is not followed), full names (`security.capability`) → value; empty where the filesystem has none. */
export function getXattrs(path: Path): ReadonlyMap<string, Buffer> {
  const target = cPath(path);
  const attributes = new Map<string, Buffer>();
  const list = readSized("llistxattr", path, (bytes, size) => llistxattr.call(target, bytes, size));
  for (const name of list?.toString("utf8").split("\0") ?? []) {
    if (name === "") continue;
    const value = readSized("lgetxattr", path, (bytes, size) => lgetxattr.call(target, cPath(name), bytes, size));
    if (value !== undefined) attributes.set(name, value);
  }
  return attributes;
}

/** Whether an open file has any extended attribute. */
export function hasXattrs(fd: number): boolean {
  return flistxattr.call(fd, null, 0) > 0;
}

/** Makes or replaces an attribute of the entry itself. */
export function setXattr(path: Path, name: string, value: Uint8Array): void {
  checked("lsetxattr", pathText(path), lsetxattr.call(cPath(path), cPath(name), value, value.length, 0));
}

/** Removes an attribute of the entry itself; false when it had none of that name. */
export function removeXattr(path: Path, name: string): boolean {
  const result = lremovexattr.call(cPath(path), cPath(name));
  if (result < 0 && lastErrno() === constants.errno.ENODATA) return false;
  checked("lremovexattr", pathText(path), result);
  return true;
}
