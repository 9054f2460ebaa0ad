import { parseDockerArchive, parseImageConfig } from "#oci";
import type { DockerArchiveImage } from "#oci";
import { ArchiveFile, invalidArchive } from "./archiveFile.ts";
import { checkPlatform, isSameReference, noSuchImage, severalImages } from "./chooseImage.ts";
import type { Choice } from "./chooseImage.ts";
import type { FileSpan } from "./fileSpan.ts";
import { bytesOfSpan } from "./layerBytes.ts";
import type { LayerBytes } from "./layerBytes.ts";
import type { FoundImage } from "./openedImage.ts";

const MANIFEST_FILE = "manifest.json";
const LAYOUT_FILE = "index.json";

/**
 * One image of what `docker save` writes, of any age; kaniko's, Bazel's and Jib's too.
 * @throws {invalid_argument} INVALID_ARCHIVE, INVALID_IMAGE_CONFIG; {not_found} IMAGE_NOT_FOUND, NO_MATCHING_PLATFORM
 */
export async function findInDockerArchive(span: FileSpan, choice: Choice, signal?: AbortSignal): Promise<FoundImage> {
  const archive = await ArchiveFile.read(span, signal);
  if (!archive.has(MANIFEST_FILE)) {
    const hint = archive.has(LAYOUT_FILE) ? "; it is an OCI layout: use oci-archive" : "";
    throw invalidArchive(`${MANIFEST_FILE} is missing${hint}`);
  }
  const image = chooseImage(parseDockerArchive(await archive.document(MANIFEST_FILE)), choice);
  const rawConfig = await archive.document(image.Config);
  checkPlatform(parseImageConfig(rawConfig), choice);
  return {
    name: choice.from,
    rawConfig,
    manifestDigest: undefined,
    layers: image.Layers.map((name) => bytesOf(archive.span(name))),
  };
}

function chooseImage(images: readonly DockerArchiveImage[], choice: Choice): DockerArchiveImage {
  const names = images.map(({ RepoTags, Config }) => RepoTags[0] ?? Config);
  const wanted = choice.image;
  const found =
    wanted === undefined
      ? images
      : images.filter(({ RepoTags }) => RepoTags.some((tag) => tag === wanted || isSameReference(tag, wanted)));
  const [image, ...more] = found;
  if (image === undefined) throw noSuchImage(choice, names);
  if (wanted === undefined && more.length > 0) throw severalImages(choice, names);
  return image;
}

function bytesOf(span: FileSpan): LayerBytes {
  return bytesOfSpan(span);
}
