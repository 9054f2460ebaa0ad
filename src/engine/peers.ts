import { stat } from "node:fs/promises";
import type { Socket } from "node:net";
import type { LocalDirectory } from "#engineapi";
import { bootId, peerCredentials } from "#host";

let ownBoot: Promise<string> | undefined;

async function sharesFiles(socket: Socket, machine: string): Promise<boolean> {
  const uid = peerCredentials(socket)?.uid;
  if (machine === "" || uid === undefined || (uid !== 0 && uid !== process.getuid?.())) return false;
  return machine === (await (ownBoot ??= bootId()));
}

/**
 * Where a client's directory lies for us; undefined unless it may be read in place: the client runs on this machine (by its
 * boot id) as root or as our own user, and sees the same directory at that path.
 */
export async function sharedDirectory(
  socket: Socket,
  machine: string,
  directory: LocalDirectory,
): Promise<string | undefined> {
  if (!(await sharesFiles(socket, machine))) return undefined;
  try {
    const here = await stat(directory.path, { bigint: true });
    const isSame = String(here.dev) === directory.device && String(here.ino) === directory.inode;
    return isSame && here.isDirectory() ? directory.path : undefined;
  } catch {
    // Not ours to see: a client in another mount namespace. It sends what is wanted.
    return undefined;
  }
}
