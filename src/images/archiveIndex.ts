import { EngineError, ErrorCode } from "#errors";
import {
  formatPlatform,
  hostPlatform,
  isAttestation,
  isIndexMediaType,
  isManifestMediaType,
  MediaType,
  parseManifest,
  parseReference,
  platformRank,
  selectManifest,
  withDefaultTag,
} from "#oci";
import type { Descriptor, ManifestDocument, OciIndex, OciManifest, Platform, Reference } from "#oci";
import { blobPath } from "./archiveContents.ts";
import type { ArchiveContents } from "./archiveContents.ts";
import type { WrittenManifest } from "./archiveManifest.ts";
import { invalidArchive } from "./imageErrors.ts";

/** An image manifest that `index.json` leads to. */
export interface ArchiveLeaf {
  readonly written: WrittenManifest;
  readonly manifest: OciManifest;
  /** What `index.json` names: the manifest, or an index above it. */
  readonly target: Descriptor;
  /** Indexes between, outermost first. */
  readonly indexes: readonly Uint8Array[];
  /** What the innermost index names beside it; none where a platform was asked for. */
  readonly siblings: readonly Descriptor[];
  readonly reference: Reference | undefined;
}

export const INDEX_FILE = "index.json";
const MAX_DEPTH = 4;
const CONTAINERD_NAME = "io.containerd.image.name";
const OCI_NAME = "org.opencontainers.image.ref.name";

/**
 * The images of an OCI layout (image-spec 1.1, image-layout.md): one for each manifest in `index.json`, one of each
 * nested index: the one that serves `platform` best.
 * @throws {invalid_argument} INVALID_ARCHIVE, INVALID_MANIFEST; {not_found} NO_MATCHING_PLATFORM
 */
export function readLeaves(contents: ArchiveContents, platform: Platform | undefined): readonly ArchiveLeaf[] {
  const index = parseManifest(contents.document(INDEX_FILE), MediaType.OCI_INDEX);
  if (index.kind !== "index") throw invalidArchive(`${INDEX_FILE} is no index`);
  const named = index.value.manifests.filter((child) => !isAttestation(child) && isImage(child));
  const wanted = platform === undefined ? named : named.filter((child) => serves(child, platform));
  if (wanted.length === 0 && platform !== undefined) throw noPlatform(platform);
  return wanted.map((child) => descend(contents, child, platform));
}

function isImage({ mediaType }: Descriptor): boolean {
  return isManifestMediaType(mediaType) || isIndexMediaType(mediaType);
}

/** A descriptor without a platform may serve any. */
function serves(child: Descriptor, platform: Platform): boolean {
  return child.platform === undefined || platformRank(platform, child.platform) !== undefined;
}

function descend(contents: ArchiveContents, target: Descriptor, platform: Platform | undefined): ArchiveLeaf {
  const indexes: Uint8Array[] = [];
  let descriptor = target;
  let siblings: readonly Descriptor[] = [];
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const document: ManifestDocument = parseManifest(
      contents.document(blobPath(descriptor.digest)),
      descriptor.mediaType,
    );
    if (document.kind === "manifest") {
      const written = { raw: document.raw, descriptor: plain(descriptor, document.raw.length) };
      const reference = referenceOf(target);
      return { written, manifest: document.value, target: plain(target), indexes, siblings, reference };
    }
    indexes.push(document.raw);
    descriptor = choose(contents, document.value, platform);
    const { digest } = descriptor;
    siblings = platform === undefined ? document.value.manifests.filter((child) => child.digest !== digest) : [];
  }
  throw invalidArchive(`indexes are nested more than ${MAX_DEPTH} deep`);
}

/** Without `--platform` an image for another machine is better than none, if there is only one. */
function choose(contents: ArchiveContents, index: OciIndex, platform: Platform | undefined): Descriptor {
  const here = index.manifests.filter((child) => !isAttestation(child) && contents.has(blobPath(child.digest)));
  const best = selectManifest({ ...index, manifests: here }, platform ?? hostPlatform());
  const [only, another] = here;
  const chosen = best ?? (platform === undefined && another === undefined ? only : undefined);
  if (chosen === undefined) throw noPlatform(platform ?? hostPlatform());
  return chosen;
}

/** No image of the archive serves what `--platform` asks for. */
export function noPlatform(platform: Platform): EngineError {
  const message = `the archive does not provide the platform ${formatPlatform(platform)}`;
  return new EngineError("not_found", ErrorCode.NO_MATCHING_PLATFORM, message);
}

/** Without the annotations of this layout, which are no part of what the descriptor names. */
function plain({ mediaType, digest, size }: Descriptor, actualSize: number = size): Descriptor {
  return { mediaType, digest, size: actualSize };
}

/** A ref.name of the spec may be a bare tag, which names no repository. */
function referenceOf({ annotations }: Descriptor): Reference | undefined {
  const name = annotations?.[CONTAINERD_NAME] ?? annotations?.[OCI_NAME];
  if (name === undefined || !/[/:]/.test(name)) return undefined;
  const reference = withDefaultTag(parseReference(name));
  if (reference.tag === undefined) return undefined;
  return { domain: reference.domain, path: reference.path, tag: reference.tag };
}
