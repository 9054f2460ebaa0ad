import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import {
  MAX_MANIFEST_BYTES,
  MediaType,
  algorithmOf,
  familiarReference,
  formatReference,
  hexOf,
  parseManifest,
  parseReference,
  withDefaultTag,
} from "#oci";
import type { Descriptor, Digest, Platform, Reference } from "#oci";
import { writeTarStream } from "#tar";
import type { TarMemberSource } from "#tar";
import type { BuiltImage } from "./builtImage.ts";
import { parseImageSource } from "./imageSource.ts";
import type { ImageSource } from "./imageSource.ts";
import { openRepository } from "./registryImage.ts";
import type { RegistryAccess } from "./registryImage.ts";

export interface WrittenImage {
  readonly manifestDigest: Digest;
  /** Blobs that were there already, of a registry or layout. */
  readonly blobsSkipped: number;
  readonly blobsWritten: number;
}

const OCI_LAYOUT = '{"imageLayoutVersion":"1.0.0"}';

/**
 * Puts an image where {@link openImage} finds it: `registry:REF` is pushed to, `oci-layout:DIR[:NAME]` is made or gets one image
 * more (of the same name: in its place), `docker-archive:FILE[:NAME:TAG]` and `oci-archive:FILE[:NAME]` are written anew (to a temporary
 * file beside, then renamed). A docker-archive is an OCI layout too, as `docker save` of 25 and later writes it.
 * @throws {invalid_argument} when the destination is none; as a registry says
 */
export async function writeImage(
  image: BuiltImage,
  destination: ImageSource | string,
  options: RegistryAccess = {},
): Promise<WrittenImage> {
  const target = typeof destination === "string" ? parseImageSource(destination) : destination;
  if (target === undefined) {
    const message = `${JSON.stringify(destination)} names no destination: docker-archive:FILE, oci-archive:FILE, oci-layout:DIR or registry:REF`;
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
  }
  const { signal } = options;
  switch (target.transport) {
    case "registry":
      return await push(image, target.reference, options);
    case "oci-layout":
      return await writeLayout(image, { directory: target.path, name: target.image, signal });
    case "docker-archive":
      return await writeArchive(image, target.path, archiveMembers(image, target.image, { isDocker: true, signal }));
    case "oci-archive":
      return await writeArchive(image, target.path, archiveMembers(image, target.image, { isDocker: false, signal }));
  }
}

async function push(image: BuiltImage, reference: Reference, options: RegistryAccess): Promise<WrittenImage> {
  await using stack = new AsyncDisposableStack();
  const repository = await openRepository(reference, { ...options, stack }, "push");
  const request = options.signal === undefined ? {} : { signal: options.signal };
  const counts = { blobsSkipped: 0, blobsWritten: 0 };
  for (const { blob, open: read } of blobsOf(image)) {
    if (await repository.hasBlob(blob.digest, request)) {
      counts.blobsSkipped += 1;
      continue;
    }
    await repository.uploadBlob({ digest: blob.digest, size: blob.size, open: () => read(options.signal) }, request);
    counts.blobsWritten += 1;
  }
  const { tag, digest } = withDefaultTag(reference);
  const document = { raw: image.rawManifest, mediaType: MediaType.OCI_MANIFEST };
  await repository.putManifest(tag ?? digest ?? image.manifestDigest, document, request);
  return { manifestDigest: image.manifestDigest, ...counts };
}

interface Blob {
  readonly blob: Pick<Descriptor, "digest" | "size">;
  readonly open: (signal?: AbortSignal) => AsyncIterable<Uint8Array>;
}

/** Layers, then the config: what a manifest needs before it. */
function blobsOf({ layers, imageId, rawConfig }: BuiltImage): readonly Blob[] {
  return [...layers, { blob: { digest: imageId, size: rawConfig.length }, open: () => only(rawConfig) }];
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}

function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

interface LayoutTarget {
  readonly directory: string;
  readonly name: string | undefined;
  readonly signal: AbortSignal | undefined;
}

async function writeLayout(image: BuiltImage, { directory, name, signal }: LayoutTarget): Promise<WrittenImage> {
  const counts = { blobsSkipped: 0, blobsWritten: 0 };
  await mkdir(join(directory, "blobs/sha256"), { recursive: true });
  const manifest = { digest: image.manifestDigest, size: image.rawManifest.length };
  for (const { blob, open: read } of [...blobsOf(image), { blob: manifest, open: () => only(image.rawManifest) }]) {
    const path = join(directory, blobPath(blob.digest));
    const present = await stat(path).catch(() => undefined);
    if (present?.size === blob.size) counts.blobsSkipped += 1;
    else {
      await replaceFile(path, read(signal));
      counts.blobsWritten += 1;
    }
  }
  await replaceFile(join(directory, "oci-layout"), only(Buffer.from(OCI_LAYOUT)));
  const index = join(directory, "index.json");
  // A name is moved; without one, the same image is not listed twice.
  const isReplaced = (child: Descriptor): boolean =>
    nameOf(child) === name && (name !== undefined || child.digest === image.manifestDigest);
  const kept = (await presentManifests(index)).filter((child) => !isReplaced(child));
  await replaceFile(index, only(indexOf([...kept, descriptorOf(image, name)])));
  return { manifestDigest: image.manifestDigest, ...counts };
}

const REF_NAME = "org.opencontainers.image.ref.name";

function nameOf({ annotations }: Descriptor): string | undefined {
  return annotations?.[REF_NAME];
}

async function presentManifests(path: string): Promise<readonly Descriptor[]> {
  const file = await stat(path).catch(() => undefined);
  if (file === undefined || file.size > MAX_MANIFEST_BYTES) return [];
  const document = parseManifest(await readFile(path), MediaType.OCI_INDEX);
  return document.kind === "index" ? document.value.manifests : [];
}

function descriptorOf(
  image: BuiltImage,
  name: string | undefined,
  annotations: Readonly<Record<string, string>> = {},
): Descriptor {
  const { os, architecture, variant } = image.config;
  const platform: Platform = { architecture, os, ...(variant === undefined ? {} : { variant }) };
  const names = { ...annotations, ...(name === undefined ? {} : { [REF_NAME]: name }) };
  return {
    mediaType: MediaType.OCI_MANIFEST,
    digest: image.manifestDigest,
    size: image.rawManifest.length,
    ...(Object.keys(names).length === 0 ? {} : { annotations: names }),
    platform,
  };
}

function indexOf(manifests: readonly Descriptor[]): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.OCI_INDEX, manifests }));
}

async function* archiveMembers(
  image: BuiltImage,
  name: string | undefined,
  { isDocker, signal }: { readonly isDocker: boolean; readonly signal: AbortSignal | undefined },
): AsyncGenerator<TarMemberSource, void, void> {
  for (const { blob, open: read } of blobsOf(image)) yield file(blobPath(blob.digest), blob.size, read(signal));
  yield bytes(blobPath(image.manifestDigest), image.rawManifest);
  const reference = isDocker && name !== undefined ? withDefaultTag(parseReference(name)) : undefined;
  const names = reference === undefined ? {} : { "io.containerd.image.name": formatReference(reference) };
  yield bytes("index.json", indexOf([descriptorOf(image, reference === undefined ? name : reference.tag, names)]));
  if (isDocker) yield bytes("manifest.json", dockerManifest(image, reference));
  yield bytes("oci-layout", Buffer.from(OCI_LAYOUT));
}

function dockerManifest(image: BuiltImage, reference: Reference | undefined): Buffer {
  const document = {
    Config: blobPath(image.imageId),
    RepoTags: reference === undefined ? null : [familiarReference(reference)],
    Layers: image.layers.map(({ blob }) => blobPath(blob.digest)),
  };
  return Buffer.from(JSON.stringify([document]));
}

function file(path: string, size: number, body: AsyncIterable<Uint8Array>): TarMemberSource {
  return { header: { path, type: "file", mode: 0o644, size }, body };
}

function bytes(path: string, content: Uint8Array): TarMemberSource {
  return file(path, content.length, only(content));
}

async function writeArchive(
  image: BuiltImage,
  path: string,
  members: AsyncIterable<TarMemberSource>,
): Promise<WrittenImage> {
  await replaceFile(path, writeTarStream(members));
  return { manifestDigest: image.manifestDigest, blobsSkipped: 0, blobsWritten: image.layers.length + 1 };
}

/** Whole or not at all: what lies there stays until the new file is complete. */
async function replaceFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = join(dirname(path), `.varve-${randomUUID()}`);
  try {
    await using target = await open(temporary, "wx", 0o644);
    for await (const chunk of chunks) await target.appendFile(chunk);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
