import type { Socket } from "node:net";
import { nativeFunction } from "./libc.ts";
import { checked } from "./syscallError.ts";

/** <sys/socket.h> */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: pid, uid, gid */
const UCRED_BYTES = 12;

const getsockopt = nativeFunction<[number, number, number, Buffer, Buffer]>(
  "int getsockopt(int, int, int, void*, void*)",
);

/** Who connected to a Unix socket, as the kernel noted it then. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** The fd below one of Node's sockets; it has no name for it in its types. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}

/** The process at the other end of an accepted Unix connection; undefined for TCP and for one that is closed. */
export function peerCredentials(socket: Socket): PeerCredentials | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined || socket.remoteAddress !== undefined) return undefined;
  const credentials = Buffer.alloc(UCRED_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(UCRED_BYTES);
  checked("getsockopt", "SO_PEERCRED", getsockopt.call(fd, SOL_SOCKET, SO_PEERCRED, credentials, length));
  return { pid: credentials.readInt32LE(0), uid: credentials.readUInt32LE(4), gid: credentials.readUInt32LE(8) };
}
