import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import {
  MAX_CONFIG_BYTES,
  MAX_MANIFEST_BYTES,
  MediaType,
  algorithmOf,
  hexOf,
  parseImageConfig,
  parseManifest,
} from "#oci";
import type { Descriptor, Digest, OciManifest } from "#oci";
import { invalidArchive, unreadable } from "./archiveFile.ts";
import type { ArchiveFile } from "./archiveFile.ts";
import { checkPlatform, chooseByPlatform, chooseNamed } from "./chooseImage.ts";
import type { Choice } from "./chooseImage.ts";
import { readWhole } from "./fileSpan.ts";
import type { FileSpan } from "./fileSpan.ts";
import { bytesOfSpan } from "./layerBytes.ts";
import type { LayerBytes } from "./layerBytes.ts";
import type { FoundImage } from "./openedImage.ts";
import { DigestCheck } from "./scanLayer.ts";

/** Files of a layout (image-spec 1.1, image-layout.md), in a directory or in a tar. */
export interface LayoutFiles {
  /** @throws when there is no such file */
  span(name: string): Promise<FileSpan>;
}

const INDEX_FILE = "index.json";
const MAX_DEPTH = 4;

export function filesOfArchive(archive: ArchiveFile): LayoutFiles {
  return { span: async (name) => archive.span(name) };
}

/** Symlinks are followed, as Bazel makes layouts of them; only regular files are read. */
export function filesOfDirectory(directory: string, stack: AsyncDisposableStack): LayoutFiles {
  return {
    span: async (name) => {
      const path = join(directory, name);
      // O_NONBLOCK: a FIFO in the place of a blob must not hang us.
      const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
        throw unreadable(path, error);
      });
      stack.defer(() => file.close());
      const stat = await file.stat();
      if (!stat.isFile()) throw invalidArchive(`${JSON.stringify(path)} is no file`);
      return { file, offset: 0, size: stat.size };
    },
  };
}

/**
 * One image of an OCI layout.
 * @throws {invalid_argument} INVALID_ARCHIVE, INVALID_MANIFEST; {not_found} IMAGE_NOT_FOUND, NO_MATCHING_PLATFORM;
 * {data_loss} DIGEST_MISMATCH, SIZE_MISMATCH
 */
export async function findInLayout(files: LayoutFiles, choice: Choice): Promise<FoundImage> {
  const index = parseManifest(await document(await files.span(INDEX_FILE), MAX_MANIFEST_BYTES), MediaType.OCI_INDEX);
  if (index.kind !== "index") throw invalidArchive(`${INDEX_FILE} is no index`);
  const { manifest, digest } = await descend(files, chooseNamed(index.value, choice), choice);
  const rawConfig = await readBlob(files, manifest.config, MAX_CONFIG_BYTES);
  checkPlatform(parseImageConfig(rawConfig), choice);
  return {
    name: choice.from,
    rawConfig,
    manifestDigest: digest,
    layers: await Promise.all(manifest.layers.map((layer) => layerOf(files, layer))),
  };
}

async function descend(
  files: LayoutFiles,
  target: Descriptor,
  choice: Choice,
): Promise<{ readonly manifest: OciManifest; readonly digest: Digest }> {
  let descriptor = target;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const raw = await readBlob(files, descriptor, MAX_MANIFEST_BYTES);
    const read = parseManifest(raw, descriptor.mediaType);
    if (read.kind === "manifest") return { manifest: read.value, digest: descriptor.digest };
    descriptor = chooseByPlatform(read.value.manifests, choice);
  }
  throw invalidArchive(`indexes are nested more than ${MAX_DEPTH} deep`);
}

function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

async function layerOf(files: LayoutFiles, descriptor: Descriptor): Promise<LayerBytes> {
  const span = await files.span(blobPath(descriptor.digest));
  checkSize(span, descriptor);
  return bytesOfSpan(span, descriptor);
}

/** A small blob, verified. */
async function readBlob(files: LayoutFiles, descriptor: Descriptor, maxBytes: number): Promise<Buffer> {
  const span = await files.span(blobPath(descriptor.digest));
  checkSize(span, descriptor);
  const raw = await document(span, maxBytes);
  const check = new DigestCheck(descriptor.digest);
  check.update(raw);
  check.finishBlob(descriptor);
  return raw;
}

function checkSize(span: FileSpan, { digest, size }: Descriptor): void {
  if (span.size === size) return;
  const message = `blob ${digest}: ${span.size} bytes, its descriptor says ${size}`;
  throw new EngineError("data_loss", ErrorCode.SIZE_MISMATCH, message);
}

async function document(span: FileSpan, maxBytes: number): Promise<Buffer> {
  if (span.size > maxBytes) throw invalidArchive(`a document of ${span.size} bytes: at most ${maxBytes} are read`);
  return await readWhole(span);
}
