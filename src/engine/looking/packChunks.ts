/** Chunks cross threads at about this size: a message costs as much as copying some tens of KiB. */
const CHUNK_BYTES = 256 << 10;

/** The same bytes in chunks of at least {@link CHUNK_BYTES} (but the last); large ones go through as they are. */
export async function* packChunks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of bytes) {
    parts.push(chunk);
    held += chunk.length;
    if (held < CHUNK_BYTES) continue;
    yield parts.length === 1 ? chunk : Buffer.concat(parts, held);
    parts = [];
    held = 0;
  }
  if (held > 0) yield Buffer.concat(parts, held);
}
