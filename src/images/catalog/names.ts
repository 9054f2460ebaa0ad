import type { ImageRecord } from "#metadata";
import { familiarReference, parseReference } from "#oci";
import type { Digest, Reference } from "#oci";
import type { ImageContext } from "../context.ts";

/** One name of an image: its record and the record's key, parsed. */
export interface ImageName {
  readonly record: ImageRecord;
  readonly reference: Reference;
}

/** All names of an image, sorted as Docker lists them (by whole reference). */
export function namesOf(context: ImageContext, imageId: Digest): readonly ImageName[] {
  return context.metadata.images
    .listByImageId(imageId)
    .map((record) => ({ record, reference: parseReference(record.reference) }));
}

/** As {@link namesOf} for all images, in one query. */
export function namesOfAll(context: ImageContext): ReadonlyMap<Digest, readonly ImageName[]> {
  const names = context.metadata.images
    .list()
    .map((record): ImageName => ({ record, reference: parseReference(record.reference) }));
  return Map.groupBy(names, ({ record }) => record.imageId);
}

export function repoTags(names: readonly ImageName[]): readonly string[] {
  return names.filter(isTag).map(({ reference }) => familiarReference(reference));
}

export function repoDigests(names: readonly ImageName[]): readonly string[] {
  return names.filter((name) => !isTag(name)).map(({ reference }) => familiarReference(reference));
}

export function isTag(name: Pick<ImageName, "reference">): boolean {
  return name.reference.digest === undefined;
}
