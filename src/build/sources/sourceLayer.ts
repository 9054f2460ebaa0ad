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

/** Of a directory that the source says nothing of: the same in each build, as `build/files` has it. */
const MADE_AT = Date.UTC(1980, 1, 1) / 1000;

/** A tar with one file. */
export function fileTar(file: SourceFile, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const { name, mode, uid, gid, modified, size } = file;
  const path = Buffer.from(name).toString("latin1");
  return writeTarStream([
    { header: { path: "./", type: "directory", mode: 0o755, mtimeSeconds: MADE_AT } },
    { header: { path, type: "file", mode, uid, gid, mtimeSeconds: modified, size }, body },
  ]);
}
