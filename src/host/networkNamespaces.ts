import { closeSync, openSync, unlinkSync, writeFileSync } from "node:fs";
import {
  CLONE_NEWNET,
  DGRAM,
  FAMILY,
  MS,
  O_CLOEXEC,
  SO_REUSEADDR,
  SOCKET,
  SOL_SOCKET,
  STREAM,
  UMOUNT,
} from "./constants.ts";
import { cPath } from "./cPath.ts";
import { nativeFunction } from "./libc.ts";
import { mount } from "./mounts.ts";
import { u32 } from "./netlink.ts";
import { checked, fromNodeError } from "./syscallError.ts";

const unshare = nativeFunction<[number]>("int unshare(int)");
const setns = nativeFunction<[number, number]>("int setns(int, int)");
const umount2 = nativeFunction<[Buffer, number]>("int umount2(const void*, int)");
const socket = nativeFunction<[number, number, number]>("int socket(int, int, int)");
const bind = nativeFunction<[number, Buffer, number]>("int bind(int, const void*, uint32_t)");
const listen = nativeFunction<[number, number]>("int listen(int, int)");
const setsockopt = nativeFunction<[number, number, number, Buffer, number]>(
  "int setsockopt(int, int, int, const void*, uint32_t)",
);
const getsockname = nativeFunction<[number, Buffer, Buffer]>("int getsockname(int, void*, void*)");

const CURRENT = "/proc/thread-self/ns/net";

let home: number | undefined;

/** The daemon's own namespace, opened before this thread first leaves it. */
function homeNamespace(): number {
  home ??= openSync(CURRENT, O_CLOEXEC);
  return home;
}

/**
 * Runs `work` on this thread in another namespace. A thread has one network namespace: what it opens meanwhile (sockets, files
 * of /proc/sys/net) belongs there, and nothing else may run meanwhile, which is why `work` is synchronous. A way back that
 * failed would leave the whole daemon in a container's namespace, hence the abort.
 */
function away<T>(enter: () => void, work: () => T): T {
  const back = homeNamespace();
  enter();
  try {
    return work();
  } finally {
    if (setns.call(back, CLONE_NEWNET) !== 0) process.abort();
  }
}

/** Runs `work`, which must be synchronous, in the namespace that is mounted at `path` (or `/proc/<pid>/ns/net`). */
export function inNetworkNamespace<T>(path: string, work: (namespaceFd: number) => T): T {
  let fd: number;
  try {
    fd = openSync(path, O_CLOEXEC);
  } catch (error) {
    throw fromNodeError(error);
  }
  try {
    return away(
      () => checked("setns", path, setns.call(fd, CLONE_NEWNET)),
      () => work(fd),
    );
  } finally {
    closeSync(fd);
  }
}

/**
 * Makes a namespace that lives as long as its mount at `path`, and runs `work` in it. When that fails nothing is left.
 * Everything in one block, 0.2 ms: a namespace of its own for the thread, its mount, the way back.
 */
export function createNetworkNamespace<T>(path: string, work: (namespaceFd: number) => T): T {
  closeSync(openSync(path, "w"));
  try {
    return away(
      () => checked("unshare", undefined, unshare.call(CLONE_NEWNET)),
      () => {
        mount({ source: CURRENT, target: path, flags: MS.BIND });
        const fd = openSync(CURRENT, O_CLOEXEC);
        try {
          return work(fd);
        } finally {
          closeSync(fd);
        }
      },
    );
  } catch (error) {
    removeNetworkNamespace(path);
    throw error;
  }
}

/** Unmounts it; the kernel takes it and its interfaces down behind our back once no process is in it. Idempotent. */
export function removeNetworkNamespace(path: string): void {
  umount2.call(cPath(path), UMOUNT.DETACH | UMOUNT.NOFOLLOW); // EINVAL, ENOENT: it is not mounted
  try {
    unlinkSync(path);
  } catch {
    // it was not there
  }
}

/** Sets `net.…` settings of the namespace that the thread is in; `key` with slashes. Settings the kernel lacks are passed over. */
export function setNetworkSysctl(key: string, value: string): boolean {
  try {
    writeFileSync(`/proc/sys/net/${key}`, value);
    return true;
  } catch {
    return false;
  }
}

/** A bound socket by number; the port is the one that the kernel chose if 0 was asked for. */
export interface BoundSocket {
  readonly fd: number;
  readonly port: number;
}

const BACKLOG = 128;
const SOCKADDR_IN_BYTES = 16;

/**
 * Binds a socket to an IPv4 address in the namespace that the thread is in, TCP already listening. Node takes it over by
 * `dgram.Socket.bind({ fd })` or `net.Server.listen({ fd })`, and serves it from outside.
 */
export function bindSocket(kind: "tcp" | "udp", address: Uint8Array, port: number): BoundSocket {
  const type = (kind === "tcp" ? STREAM : DGRAM) | SOCKET.NONBLOCK | SOCKET.CLOEXEC;
  const fd = checked("socket", kind, socket.call(FAMILY.INET, type, 0));
  const name = Buffer.alloc(SOCKADDR_IN_BYTES);
  name.writeUInt16LE(FAMILY.INET, 0);
  name.writeUInt16BE(port, 2);
  name.set(address, 4);
  const about = `${address.join(".")}:${port}/${kind}`;
  try {
    if (kind === "tcp") checked("setsockopt", about, setsockopt.call(fd, SOL_SOCKET, SO_REUSEADDR, u32(1), 4));
    checked("bind", about, bind.call(fd, name, name.length));
    if (kind === "tcp") checked("listen", about, listen.call(fd, BACKLOG));
    checked("getsockname", about, getsockname.call(fd, name, u32(name.length)));
    return { fd, port: name.readUInt16BE(2) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
