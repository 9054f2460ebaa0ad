import { ErrorCode, hasCode } from "#errors";
import type { ImageContentRecord } from "#metadata";
import type { Digest, Reference } from "#oci";
import { formatReference, parseReference } from "#oci";
import type { ImageContext } from "./context.ts";
import { noSuchImage } from "./imageErrors.ts";
import { findImage } from "./lookup.ts";

/** Which images to save, and by which names. */
export interface SavedNames {
  readonly imageId: Digest;
  /** sorted, each once */
  readonly references: readonly Reference[];
}

const ID = /^(?:sha256:)?[0-9a-f]{1,64}$/;

/**
 * Names as `docker save` takes them: `repository:tag` saves that tag, a repository alone all its tags, an ID or a digest
 * the image without names. Sorted by image ID.
 * @throws {not_found} IMAGE_NOT_FOUND; {invalid_argument} INVALID_REFERENCE
 */
export function resolveSaved(context: ImageContext, names: readonly string[]): readonly SavedNames[] {
  const found = new Map<Digest, Map<string, Reference>>();
  for (const name of names) {
    for (const { imageId, references } of resolve(context, name)) {
      const known = found.get(imageId) ?? new Map<string, Reference>();
      for (const reference of references) known.set(formatReference(reference), reference);
      found.set(imageId, known);
    }
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([imageId, references]) => ({ imageId, references: sorted(references) }));
}

function sorted(references: ReadonlyMap<string, Reference>): readonly Reference[] {
  return [...references].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, reference]) => reference);
}

function resolve(context: ImageContext, name: string): readonly SavedNames[] {
  const all = wholeRepository(context, name);
  if (all.length > 0) return all;
  const { imageId } = findSaved(context, name);
  const reference = ID.test(name) ? undefined : parseReference(name);
  // What was found by a tag is saved under it; by ID or digest, under none.
  const isTag = reference?.tag !== undefined && reference.digest === undefined;
  return [{ imageId, references: isTag ? [reference] : [] }];
}

/** What is not here is named just as it was asked for, unlike everywhere else in Docker. */
function findSaved(context: ImageContext, name: string): ImageContentRecord {
  try {
    return findImage(context, name);
  } catch (error) {
    throw hasCode(error, ErrorCode.IMAGE_NOT_FOUND) ? noSuchImage(name) : error;
  }
}

function wholeRepository(context: ImageContext, name: string): readonly SavedNames[] {
  if (/^(?:sha256:)?[0-9a-f]{64}$/.test(name)) return [];
  const { domain, path, tag, digest } = parseReference(name);
  if (tag !== undefined || digest !== undefined) return [];
  return context.metadata.images.list().flatMap(({ reference, imageId }) => {
    const own = parseReference(reference);
    const isOf = own.domain === domain && own.path === path && own.digest === undefined;
    return isOf ? [{ imageId, references: [own] }] : [];
  });
}
