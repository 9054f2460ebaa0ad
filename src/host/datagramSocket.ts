import { closeSync } from "node:fs";
import { constants } from "node:os";
import { MSG, SOCKET } from "./constants.ts";
import { lastErrno, nativeFunction } from "./libc.ts";
import { unixAddress } from "./packetSocket.ts";
import { checked, syscallError } from "./syscallError.ts";

const socket = nativeFunction<[number, number, number]>("int socket(int, int, int)");
const connect = nativeFunction<[number, Buffer, number]>("int connect(int, const void*, uint32_t)");
const send = nativeFunction<[number, Buffer, number, number]>("int64_t send(int, const void*, size_t, int)");

const { EAGAIN, ENOBUFS, EINTR } = constants.errno;

/** The sending end of an AF_UNIX SOCK_DGRAM socket, which Node does not have. Nothing here waits. */
export class DatagramSocket implements Disposable {
  readonly #fd: number;
  readonly #path: string;

  private constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
  }

  /** To the socket that is bound at `path`; the caller disposes of it. @throws a syscall error, e.g. {not_found} */
  static connect(path: string): DatagramSocket {
    const target = unixAddress(path);
    const kind = SOCKET.DGRAM | SOCKET.NONBLOCK | SOCKET.CLOEXEC;
    const fd = checked("socket", undefined, socket.call(SOCKET.AF_UNIX, kind, 0));
    try {
      checked("connect", path, connect.call(fd, target, target.byteLength));
      return new DatagramSocket(fd, path);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** False: the receiver's queue is full, nothing was sent. @throws a syscall error when nobody receives any more */
  send(bytes: Buffer): boolean {
    for (;;) {
      if (send.call(this.#fd, bytes, bytes.byteLength, MSG.DONTWAIT | MSG.NOSIGNAL) >= 0) return true;
      const errno = lastErrno();
      if (errno === EAGAIN || errno === ENOBUFS) return false;
      if (errno !== EINTR) throw syscallError({ syscall: "send", path: this.#path, errno });
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
