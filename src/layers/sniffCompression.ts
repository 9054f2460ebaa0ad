import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { Compression } from "#oci";
import { growth } from "./growingFile.ts";
import type { GrowingFile } from "./layer.ts";

const GZIP_MAGIC = "1f8b";
/* RFC 8878 §3.1.1 and §3.1.2: a frame, or one of the 16 kinds of skippable frames, which may come first. */
const ZSTD_MAGIC = "28b52ffd";
const ZSTD_SKIPPABLE = /^5.2a4d18$/;
const MAGIC_BYTES = 4;

/** What the first bytes of a blob say; waits for them. A blob too short for any magic is "none". */
export async function sniffCompression(source: GrowingFile, signal?: AbortSignal): Promise<Compression> {
  const available = await growth(source, MAGIC_BYTES, signal);
  await using file: FileHandle = await open(source.path, "r");
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, source.baseOffset);
  const magic = buffer.toString("hex", 0, Math.min(bytesRead, available));
  if (magic.startsWith(GZIP_MAGIC)) return "gzip";
  return magic === ZSTD_MAGIC || ZSTD_SKIPPABLE.test(magic) ? "zstd" : "none";
}
