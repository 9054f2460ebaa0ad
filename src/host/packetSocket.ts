import { closeSync, openSync } from "node:fs";
import type { Socket } from "node:net";
import { O_PATH, SOCKET } from "./constants.ts";
import { nativeFunction } from "./libc.ts";
import { openSocket } from "./nativeSocket.ts";
import { keepDescriptor } from "./packetBatch.ts";
import { checked, fromNodeError } from "./syscallError.ts";

const socket = nativeFunction<[number, number, number]>("int socket(int, int, int)");
const connect = nativeFunction<[number, Buffer, number]>("int connect(int, const void*, uint32_t)");

/** struct sockaddr_un. */
export function unixAddress(path: string): Buffer {
  const bytes = Buffer.from(path);
  if (bytes.byteLength >= SOCKET.PATH_BYTES) throw new Error(`${path} is too long for a socket address`);
  const name = Buffer.alloc(2 + SOCKET.PATH_BYTES);
  name.writeUInt16LE(SOCKET.AF_UNIX, 0);
  name.set(bytes, 2);
  return name;
}

function openFolder(path: string): number {
  try {
    return openSync(path, O_PATH);
  } catch (error) {
    throw fromNodeError(error);
  }
}

/**
 * Connects to an AF_UNIX SOCK_SEQPACKET listener `name` within `directory` (which may have a path of any length). Every
 * `data` event is one packet, every completed write one packet: the next write must wait for the callback of the one
 * before. The caller destroys it. @throws {not_found} when nothing listens there
 */
export function connectPacketSocket(directory: string, name: string): Socket {
  const folder = openFolder(directory);
  try {
    const fd = checked("socket", undefined, socket.call(SOCKET.AF_UNIX, SOCKET.SEQPACKET | SOCKET.CLOEXEC, 0));
    try {
      const target = unixAddress(`/proc/self/fd/${folder}/${name}`);
      checked("connect", `${directory}/${name}`, connect.call(fd, target, target.byteLength));
      const stream = openSocket(fd);
      keepDescriptor(stream, fd);
      return stream;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  } finally {
    closeSync(folder);
  }
}
