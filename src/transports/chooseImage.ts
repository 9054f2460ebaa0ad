import { EngineError, ErrorCode } from "#errors";
import {
  formatPlatform,
  formatReference,
  hostPlatform,
  isAttestation,
  isIndexMediaType,
  isManifestMediaType,
  parseReference,
  platformRank,
  withDefaultTag,
} from "#oci";
import type { Descriptor, ImageConfig, OciIndex, Platform } from "#oci";

const CONTAINERD_NAME = "io.containerd.image.name";
const OCI_NAME = "org.opencontainers.image.ref.name";

/** What is chosen by. */
export interface Choice {
  /** The archive or registry, for messages. */
  readonly from: string;
  /** A name or a digest; undefined: there must be one image only. */
  readonly image: string | undefined;
  /** undefined: the machine's, or the only one that there is. */
  readonly platform: Platform | undefined;
}

/**
 * The entry of a layout's `index.json` that serves a choice.
 * @throws {not_found} when there is no such image, or none of the platform; {invalid_argument} when there are several
 */
export function chooseNamed(index: OciIndex, choice: Choice): Descriptor {
  const images = index.manifests.filter((child) => isImage(child) && !isAttestation(child));
  const { image } = choice;
  const named = image === undefined ? images : images.filter((child) => isNamed(child, image));
  const names = [...new Set(images.flatMap((child) => namesOf(child).slice(0, 1)))];
  if (named.length === 0) throw noSuchImage(choice, names);
  if (image === undefined && new Set(named.map((child) => namesOf(child)[0])).size > 1)
    throw severalImages(choice, names);
  return chooseByPlatform(named, choice);
}

/** @throws {not_found} NO_MATCHING_PLATFORM */
export function chooseByPlatform(children: readonly Descriptor[], { platform, from }: Choice): Descriptor {
  const images = children.filter((child) => isImage(child) && !isAttestation(child));
  const best = bestOf(images, platform ?? hostPlatform());
  if (best !== undefined) return best;
  const [only, ...more] = images;
  // Without --platform an image for another machine is better than none, if there is only one.
  if (platform === undefined && only !== undefined && more.length === 0) return only;
  const known = images.map((child) => (child.platform === undefined ? "unknown" : formatPlatform(child.platform)));
  throw noPlatform(platform ?? hostPlatform(), from, known);
}

/** @throws {not_found} NO_MATCHING_PLATFORM when an image is for another platform than was asked for */
export function checkPlatform(config: ImageConfig, { platform, from }: Choice): void {
  if (platform === undefined || config.architecture === "") return;
  const { os, architecture, variant } = config;
  const own = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  if (platformRank(platform, own) === undefined) throw noPlatform(platform, from, [formatPlatform(own)]);
}

export function severalImages({ from }: Choice, names: readonly string[]): EngineError {
  const message = `${from} holds several images: name one of ${listed(names)}`;
  return new EngineError("invalid_argument", ErrorCode.IMAGE_NOT_FOUND, message);
}

export function noSuchImage({ from, image }: Choice, names: readonly string[]): EngineError {
  const which = image === undefined ? "no image" : `no image ${JSON.stringify(image)}`;
  const rest = names.length === 0 ? "" : `: there is ${listed(names)}`;
  return new EngineError("not_found", ErrorCode.IMAGE_NOT_FOUND, `${from} holds ${which}${rest}`);
}

function noPlatform(platform: Platform, from: string, known: readonly string[]): EngineError {
  const message = `no matching manifest for ${formatPlatform(platform)} in ${from}`;
  const hint = `there is ${listed([...new Set(known)])}`;
  return new EngineError("not_found", ErrorCode.NO_MATCHING_PLATFORM, message, known.length === 0 ? {} : { hint });
}

const LISTED = 10;

function listed(names: readonly string[]): string {
  const more = names.length - LISTED;
  return names.slice(0, LISTED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function bestOf(images: readonly Descriptor[], want: Platform): Descriptor | undefined {
  const ranked = images.flatMap((child) => {
    // An image whose platform nobody wrote down may serve any.
    const rank = child.platform === undefined ? Number.MAX_SAFE_INTEGER : platformRank(want, child.platform);
    return rank === undefined ? [] : [{ child, rank }];
  });
  return ranked.toSorted((a, b) => a.rank - b.rank)[0]?.child;
}

function isImage({ mediaType }: Descriptor): boolean {
  return isManifestMediaType(mediaType) || isIndexMediaType(mediaType);
}

function namesOf({ annotations }: Descriptor): readonly string[] {
  return [annotations?.[CONTAINERD_NAME], annotations?.[OCI_NAME]].filter((name) => name !== undefined);
}

function isNamed(child: Descriptor, image: string): boolean {
  return child.digest === image || namesOf(child).some((name) => name === image || isSameReference(name, image));
}

/** `a:1` and `docker.io/library/a:1` are one name; what is no reference is only equal to itself. */
export function isSameReference(a: string, b: string): boolean {
  const [first, second] = [a, b].map((text) => {
    try {
      return formatReference(withDefaultTag(parseReference(text)));
    } catch {
      return undefined; // annotations may hold anything
    }
  });
  return first !== undefined && first === second;
}
