import { openArchiveInput } from "#images";
import type { LayerIngests } from "#layers";
import type { DiffId } from "#oci";
import { writeTarStream } from "#tar";
import type { BuildLease } from "../graph/handler.ts";

/** Sources become layers of their own: nothing is unpacked, and the build cache keeps and prunes them like steps. */
export interface SourceLayers {
  readonly layers: LayerIngests;
}

/** What a lone file of a source looks like. */
export interface SourceFile {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** seconds since 1970 */
  readonly modified: number;
  /** bytes */
  readonly size: number;
}

const BLOCK = 512;
const MAGIC_OFFSET = 257;
const CHECKSUM = { offset: 148, length: 8 };
/** gzip, zstd, xz, bzip2 */
const COMPRESSED = /^(?:1f8b|28b52ffd|fd377a585a00|425a68)/;

/** A tar as a layer. The lease holds it before it is seen. */
export async function layerOf(
  { layers }: SourceLayers,
  tar: AsyncIterable<Uint8Array>,
  { lease, signal }: { readonly lease: BuildLease; readonly signal: AbortSignal },
): Promise<DiffId> {
  await using writer = await layers.ingestTar({ signal, onVerified: (diffId) => lease.keepLayer(diffId) });
  for await (const chunk of tar) await writer.write(chunk);
  return (await writer.commit()).layer.diffId;
}

/** A tar with one file. */
export function fileTar(file: SourceFile, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const { name, mode, uid, gid, modified, size } = file;
  const path = Buffer.from(name).toString("latin1");
  return writeTarStream([{ header: { path, type: "file", mode, uid, gid, mtimeSeconds: modified, size }, body }]);
}

/** The plain tar that some bytes are, compressed or not; undefined: they are something else. */
export function archiveIn(head: Uint8Array): boolean {
  return COMPRESSED.test(Buffer.from(head.subarray(0, 6)).toString("hex")) || isTarHeader(head);
}

export { openArchiveInput as plainArchive };

function isTarHeader(head: Uint8Array): boolean {
  if (head.length < BLOCK) return false;
  const block = Buffer.from(head.subarray(0, BLOCK));
  if (block.toString("latin1", MAGIC_OFFSET, MAGIC_OFFSET + 5) === "ustar") return true;
  const { offset, length } = CHECKSUM;
  const told = Number.parseInt(
    block
      .toString("latin1", offset, offset + length)
      .replaceAll("\0", " ")
      .trim(),
    8,
  );
  block.fill(0x20, offset, offset + length);
  return block.reduce((sum, byte) => sum + byte, 0) === told;
}
