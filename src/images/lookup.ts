import { EngineError, ErrorCode } from "#errors";
import type { ImageContentRecord } from "#metadata";
import {
  familiarReference,
  formatReference,
  isDigest,
  parseDigest,
  parseReference,
  withDefaultTag,
  withDigest,
} from "#oci";
import type { Digest, Platform, Reference } from "#oci";
import { readConfig } from "./configs.ts";
import type { ImageContext } from "./context.ts";
import { noSuchImage } from "./imageErrors.ts";
import type { FoundImage } from "./imageService.ts";
import { checkPlatform } from "./pull/checkPlatform.ts";
import { childrenOf, imageForPlatform, indexesOf, noSuchPlatform } from "./variants.ts";

const WHOLE_HEX = /^[0-9a-f]{64}$/;
const HEX_PREFIX = /^(?:sha256:)?([0-9a-f]{1,64})$/;

/**
 * The record behind a reference, an ID or a unique ID prefix: references win over prefixes, as in dockerd.
 * @throws {not_found}, {invalid_argument}
 */
export function findImage(context: ImageContext, name: string): ImageContentRecord {
  const { images } = context.metadata;
  const whole = wholeId(name);
  if (whole !== undefined) {
    const content = images.getContent(whole);
    if (content === undefined) throw noSuchImage(whole);
    return content;
  }
  const reference = parseReference(name);
  const record = images.get(recordKey(reference));
  const imageId = record?.imageId ?? searchPrefix(context, name);
  const content = imageId === undefined ? undefined : images.getContent(imageId);
  if (content === undefined) throw noSuchImage(familiarReference(withDefaultTag(reference)));
  return content;
}

/** The key that a reference has among the records: a digest outweighs a tag beside it, no tag means `latest`. */
export function recordKey(reference: Reference): string {
  const { digest } = reference;
  return formatReference(digest === undefined ? withDefaultTag(reference) : withDigest(reference, digest));
}

/** True if `name` is the image's ID or the beginning of it, with or without algorithm. */
export function isIdPrefix(imageId: Digest, name: string): boolean {
  return imageId.startsWith(name) || imageId.slice(imageId.indexOf(":") + 1).startsWith(name);
}

/** As {@link findImage}, with what running the image needs. */
export async function lookup(context: ImageContext, name: string, platform?: Platform): Promise<FoundImage> {
  const own = findImage(context, name);
  const wish = platform === undefined ? undefined : { platform, ...keyOf(name) };
  const { imageId, diffIds, chainId } =
    (wish === undefined ? undefined : await imageForPlatform(context, own, wish)) ?? own;
  const { config, raw } = await readConfig(context.content, imageId);
  // What an index says of a platform outweighs what the config says.
  if (imageId === own.imageId) checkPlatform(name, config, platform);
  return { imageId, diffIds, chainId, config, rawConfig: raw };
}

/** The key of the record that a name is, if it is one. */
function keyOf(name: string): { readonly key?: string } {
  return wholeId(name) === undefined ? { key: recordKey(parseReference(name)) } : {};
}

/**
 * As {@link findImage}; with a platform the image or the variant of it that serves it.
 * @throws {not_found} `… does not provide the specified platform …` too
 */
export async function findForPlatform(
  context: ImageContext,
  name: string,
  platform: Platform | undefined,
): Promise<ImageContentRecord> {
  const own = findImage(context, name);
  if (platform === undefined) return own;
  const found = await imageForPlatform(context, own, { platform, ...keyOf(name) });
  if (found === undefined) throw noSuchPlatform(name, platform);
  return found;
}

/** See `ImageCatalog.isNamed`. */
export async function isNamed(context: ImageContext, name: string, imageId: Digest | ""): Promise<boolean> {
  const own = findImage(context, name);
  if (own.imageId === imageId) return true;
  const variant = imageId === "" ? undefined : context.metadata.images.getContent(imageId);
  if (variant === undefined) return false;
  const children = await Promise.all(indexesOf(context, own).map((index) => childrenOf(context, index)));
  return children.flat().some(({ digest }) => digest === variant.manifest.digest);
}

function wholeId(name: string): Digest | undefined {
  if (WHOLE_HEX.test(name)) return parseDigest(`sha256:${name}`);
  return isDigest(name) ? name : undefined;
}

function searchPrefix(context: ImageContext, name: string): Digest | undefined {
  const prefix = HEX_PREFIX.exec(name)?.[1];
  if (prefix === undefined) return undefined;
  const [first, second] = context.metadata.images.findByIdPrefix(prefix);
  if (second === undefined) return first;
  throw new EngineError(
    "not_found",
    ErrorCode.AMBIGUOUS_ID,
    `ambiguous reference: more than one image ID starts with ${JSON.stringify(prefix)}`,
  );
}
