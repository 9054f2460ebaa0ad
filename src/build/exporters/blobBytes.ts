import { parseDiffId } from "#oci";
import type { Digest } from "#oci";
import type { ExporterRooms } from "./exporterRooms.ts";

/** A blob's bytes: a plain layer is no blob, it is read out of its layer file. */
export function blobBytes({ layers, content }: ExporterRooms, digest: Digest): AsyncIterable<Uint8Array> {
  const diffId = parseDiffId(digest);
  return layers.get(diffId) === undefined ? content.stream(digest) : layers.readTar(diffId);
}
