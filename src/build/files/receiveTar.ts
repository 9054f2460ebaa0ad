import { EngineError, ErrorCode } from "#errors";
import { cleanTarPath, readTarStream } from "#tar";
import type { TarEntry, TarMember } from "#tar";
import type { ContextEntry, ContextReceiver } from "./contextDirectory.ts";

const TYPE_BITS: Readonly<Record<TarEntry["type"], number>> = {
  file: 0o100000,
  hardlink: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  char: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
};
const NANO = 1_000_000_000n;

/** Names of archives are bytes, those of contexts are text. */
function textOf(latin1: string): string {
  const bytes = Buffer.from(latin1, "latin1");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const message = `${JSON.stringify(bytes.toString())}: names of a build context must be UTF-8`;
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message, { cause });
  }
}

function toContextEntry(entry: TarEntry): ContextEntry {
  return {
    path: textOf(cleanTarPath(entry.path)),
    mode: TYPE_BITS[entry.type] | entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    size: entry.type === "file" ? entry.size : 0,
    modifiedAt: BigInt(entry.mtimeSeconds) * NANO + BigInt(entry.mtimeNanoseconds),
    linkname: textOf(entry.type === "hardlink" ? cleanTarPath(entry.linkPath) : entry.linkPath),
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
