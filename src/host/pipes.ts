import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { O_CLOEXEC } from "./constants.ts";
import { nativeFunction } from "./libc.ts";
import { checked } from "./syscallError.ts";

const pipe2 = nativeFunction<[Buffer, number]>("int pipe2(void*, int)");

/** Both ends of a pipe as fds; whoever made it closes them, unless a stream took one over. */
export interface PipeEnds {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/**
 * A pipe(2) for a program's standard streams. What Node makes for `stdio: "pipe"` is a socket, which a program cannot open
 * again as `/dev/stdout`.
 */
export function openPipe(): PipeEnds {
  const fds = Buffer.alloc(8);
  checked("pipe2", undefined, pipe2.call(fds, O_CLOEXEC));
  return { readEnd: fds.readInt32LE(0), writeEnd: fds.readInt32LE(4) };
}

/** A pipe's end as a stream, which closes it. */
export function pipeStream(fd: number, side: "readable" | "writable"): Socket {
  return new Socket({ fd, readable: side === "readable", writable: side === "writable" });
}

/** Closes what no stream took over. */
export function closePipe({ readEnd, writeEnd }: PipeEnds): void {
  closeSync(readEnd);
  closeSync(writeEnd);
}
