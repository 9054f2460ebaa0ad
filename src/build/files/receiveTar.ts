import { cleanTarPath, readTarStream } from "#tar";
import type { TarEntry, TarMember } from "#tar";
import { contextText, modifiedAt, statMode } from "./archivedEntry.ts";
import type { ContextEntry, ContextReceiver } from "./contextDirectory.ts";

function toContextEntry(entry: TarEntry): ContextEntry {
  return {
    path: contextText(cleanTarPath(entry.path)),
    mode: statMode(entry),
    uid: entry.uid,
    gid: entry.gid,
    size: entry.type === "file" ? entry.size : 0,
    modifiedAt: modifiedAt(entry),
    linkname: contextText(entry.type === "hardlink" ? cleanTarPath(entry.linkPath) : entry.linkPath),
    deviceMajor: entry.deviceMajor,
    deviceMinor: entry.deviceMinor,
    xattrs: entry.xattrs ?? new Map(),
  };
}

async function take(member: TarMember, index: number, receiver: ContextReceiver): Promise<void> {
  if (!receiver.entry(toContextEntry(member.entry)) || member.entry.type !== "file") return;
  for await (const chunk of member.body) {
    receiver.write(index, chunk);
    await receiver.drained();
  }
  receiver.end(index);
}

/**
 * A directory that a client sends as a tar, entries in the order of {@link ContextReceiver}. Bytes that are here already are
 * stepped over. @throws as the receiver and the tar reader
 */
export async function receiveTar(
  tar: AsyncIterable<Uint8Array>,
  receiver: ContextReceiver,
  onProgress: (bytes: number) => void,
): Promise<void> {
  let received = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of tar) {
      received += chunk.byteLength;
      onProgress(received);
      yield chunk;
    }
  }
  let index = 0;
  for await (const member of readTarStream(counted())) {
    if (cleanTarPath(member.entry.path) === "") continue;
    await take(member, index, receiver);
    index += 1;
  }
}
