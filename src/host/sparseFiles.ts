import { constants } from "node:os";
import { FALLOC, SEEK } from "./constants.ts";
import { lastErrno, nativeFunction } from "./libc.ts";
import { checked, syscallError } from "./syscallError.ts";

const fallocate = nativeFunction<[number, number, number, number]>("int fallocate(int, int, int64_t, int64_t)");
const lseek = nativeFunction<[number, number, number]>("int64_t lseek(int, int64_t, int)");

/** Gives a range of the file back to the filesystem; it reads as zeros, the size stays. Bytes. */
export function punchHole(fd: number, offset: number, length: number): void {
  checked("fallocate", undefined, fallocate.call(fd, FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE, offset, length));
}

/** A run of the file that holds data. Bytes. */
export interface DataSegment {
  readonly offset: number;
  readonly length: number;
}

/** The data of a sparse file, ascending; the fd's position moves. One segment where the filesystem knows no holes. */
export function* dataSegments(fd: number, size: number): Generator<DataSegment> {
  for (let position = 0; position < size; ) {
    const offset = lseek.call(fd, position, SEEK.DATA);
    if (offset < 0) {
      const errno = lastErrno();
      if (errno === constants.errno.ENXIO) return;
      throw syscallError({ syscall: "lseek SEEK_DATA", path: undefined, errno });
    }
    const end = Math.min(checked("lseek SEEK_HOLE", undefined, lseek.call(fd, offset, SEEK.HOLE)), size);
    if (end > offset) yield { offset, length: end - offset };
    position = end;
  }
}
