import type { TarEntry, TarMember } from "#tar";
import { cleanTarPath, readTarStream, toDisplayPath } from "#tar";
import { ArchiveContents, MAX_DOCUMENT_BYTES, digestOfPath } from "./archiveContents.ts";
import { openArchiveInput, sniffArchive } from "./archiveInput.ts";
import { invalidArchive } from "./imageErrors.ts";
import type { LayerIntake } from "./layerIntake.ts";
import { PeekedStream } from "./peekedStream.ts";

/** Members of one archive; docker writes four per layer, at most. */
const MAX_MEMBERS = 100_000;
const TAR_BLOCK = 512;
const MAGIC_OFFSET = 257;
const OPEN_BRACKETS = ["{".charCodeAt(0), "[".charCodeAt(0)];

/**
 * Reads an image archive once, in whatever order its members come: layers go to the store as they arrive, documents stay
 * in memory, the rest is stepped over. Nothing is written by a member's name.
 * @throws {invalid_argument} INVALID_ARCHIVE, INVALID_TAR, PATH_ESCAPE; {resource_exhausted} TAR_LIMIT; {data_loss}
 */
export async function readArchive(
  archive: AsyncIterable<Uint8Array>,
  intake: LayerIntake,
  signal?: AbortSignal,
): Promise<ArchiveContents> {
  const contents = new ArchiveContents();
  for await (const member of readTarStream(openArchiveInput(archive, signal), { maxEntries: MAX_MEMBERS })) {
    signal?.throwIfAborted();
    const path = cleanTarPath(member.entry.path);
    if (member.entry.type === "directory") continue;
    contents.enter(path);
    if (member.entry.type === "file") await readFile(path, member, contents, intake);
    else enterLink(path, member.entry, contents);
  }
  for (const [path, layer] of await intake.settle()) contents.addLayer(path, layer);
  return contents;
}

function enterLink(path: string, { type, linkPath }: TarEntry, contents: ArchiveContents): void {
  if (type !== "symlink" && type !== "hardlink") {
    throw invalidArchive(`${JSON.stringify(toDisplayPath(path))} is neither a file nor a link`);
  }
  contents.addLink(path, linkPath, type);
}

async function readFile(
  path: string,
  { entry, body }: TarMember,
  contents: ArchiveContents,
  intake: LayerIntake,
): Promise<void> {
  const member = { path, size: entry.size, digest: digestOfPath(path) };
  if (await intake.isKnown(member)) return;
  const peeked = await PeekedStream.open(body, TAR_BLOCK);
  const compression = sniffArchive(peeked.head);
  if (compression !== "none" || isTar(peeked.head) || path.endsWith(".tar")) {
    await intake.take(member, compression, peeked);
  } else if (isDocument(entry, peeked.head)) {
    contents.addDocument(path, await gather(peeked, entry.size));
  }
}

/** A tar's first block has its magic, or is the end of an empty tar. Older tars are told by their name only. */
function isTar(head: Uint8Array): boolean {
  if (head.length < TAR_BLOCK) return false;
  const block = Buffer.from(head.buffer, head.byteOffset, TAR_BLOCK);
  return block.toString("latin1", MAGIC_OFFSET, MAGIC_OFFSET + 5) === "ustar" || block.every((byte) => byte === 0);
}

function isDocument(entry: TarEntry, head: Uint8Array): boolean {
  if (entry.size > MAX_DOCUMENT_BYTES) return false;
  return (
    entry.size <= TAR_BLOCK || OPEN_BRACKETS.includes(Buffer.from(head).toString("latin1").trimStart().charCodeAt(0))
  );
}

async function gather(body: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(size);
  let at = 0;
  for await (const chunk of body) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
