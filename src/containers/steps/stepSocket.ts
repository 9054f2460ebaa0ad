import { chmodSync, chownSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { once } from "node:events";
import type { StepMount } from "./stepRunner.ts";

type SocketMount = Extract<StepMount, { readonly kind: "socket" }>;

/** Listens at `path` for the step's processes and hands each connection on. Resolves with the path. */
export async function openSocket(path: string, mount: SocketMount, cleanup: AsyncDisposableStack): Promise<string> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    void handOn(socket, mount.connect);
  });
  server.listen(path);
  await once(server, "listening");
  cleanup.defer(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  chownSync(path, mount.uid, mount.gid);
  chmodSync(path, mount.mode);
  return path;
}

async function handOn(socket: Socket, connect: SocketMount["connect"]): Promise<void> {
  try {
    const other = await connect();
    await Promise.all([pipeline(socket, other), pipeline(other, socket)]);
  } catch {
    socket.destroy(); // the step sees a connection that was closed
  }
}
