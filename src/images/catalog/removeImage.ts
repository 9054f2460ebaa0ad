import type { ImageDeleteItem } from "#engineapi";
import { familiarReference, parseReference, withDefaultTag, withDigest } from "#oci";
import type { Digest, Reference } from "#oci";
import { findConfig } from "../configs.ts";
import type { ImageContext } from "../context.ts";
import { checkConflicts, describeUse } from "./deleteConflicts.ts";
import { conflict, noSuchImage } from "../imageErrors.ts";
import { imageEvent } from "../imageEvents.ts";
import { findImage, isIdPrefix, recordKey } from "../lookup.ts";
import { hiddenVariants } from "../variants.ts";
import { isTag, namesOf } from "./names.ts";
import type { ImageName } from "./names.ts";
import { releasedStacks } from "./releasedStacks.ts";

/** An image that is being removed, and what is to be told of it. */
interface Removal {
  readonly imageId: Digest;
  readonly force: boolean;
  readonly items: ImageDeleteItem[];
  /** One per `untag` event. */
  readonly untagged: Reference[];
}

/**
 * `docker rmi`: takes a name away, and the image with its last name; an ID takes all names when they are of one
 * repository. What no other image needs goes to the collector. Rules and order: moby daemon/images/image_delete.go.
 * @throws {not_found}, {conflict} with dockerd's words
 */
export async function removeImage(
  context: ImageContext,
  name: string,
  options: { readonly force: boolean; readonly collect?: boolean },
): Promise<readonly ImageDeleteItem[]> {
  const { imageId } = findImage(context, name);
  const config = await findConfig(context.content, imageId);
  const before = await hiddenVariants(context);
  const removal: Removal = { imageId, force: options.force, items: [], untagged: [] };
  const isGone = context.metadata.transaction(() => {
    findImage(context, name); // it may have gone while its config was read
    return isIdPrefix(imageId, name) ? removeById(context, removal) : removeByName(context, removal, name);
  });
  for (const _reference of removal.untagged)
    imageEvent(context.events, "untag", { actor: imageId, name: imageId, config });
  if (isGone) imageEvent(context.events, "delete", { actor: imageId, name: imageId });
  if (isGone) await dropVariants(context, before);
  if (isGone && options.collect !== false) await context.collector.collect();
  return removal.items;
}

/** Variants go with the last name of their image, but for those that containers use: these are dangling now. */
async function dropVariants(context: ImageContext, before: ReadonlySet<Digest>): Promise<void> {
  if (before.size === 0) return;
  const left = await hiddenVariants(context);
  context.metadata.transaction(() => {
    for (const imageId of before)
      if (!left.has(imageId) && context.users.usersOf(imageId).length === 0)
        context.metadata.images.removeContent(imageId);
  });
}

/** True when the image is gone. */
function removeByName(context: ImageContext, removal: Removal, name: string): boolean {
  const { imageId, force } = removal;
  const [user] = context.users.usersOf(imageId);
  if (!force && user !== undefined && isSingleReference(namesOf(context, imageId))) {
    throw conflict(`unable to remove repository reference "${name}" (must force) - ${describeUse(user, imageId)}`);
  }
  const reference = asRecorded(parseReference(name));
  if (!context.metadata.images.remove(recordKey(reference))) throw noSuchImage(familiarReference(reference));
  removal.items.push({ Untagged: familiarReference(reference) });
  removal.untagged.push(reference);
  if (isTag({ reference })) dropLonelyDigests(context, removal, reference);
  if (namesOf(context, imageId).length > 0 || isHeld(context, removal)) return false;
  return deleteImage(context, removal);
}

function removeById(context: ImageContext, removal: Removal): boolean {
  const { imageId, force } = removal;
  if (isSingleReference(namesOf(context, imageId))) {
    checkConflicts(context, imageId, { force, named: false });
    untagAll(context, removal);
  }
  return deleteImage(context, removal);
}

function deleteImage(context: ImageContext, removal: Removal): boolean {
  const { imageId, force, items } = removal;
  checkConflicts(context, imageId, { force, named: true });
  untagAll(context, removal);
  const released = releasedStacks(context, imageId);
  context.metadata.images.removeContent(imageId);
  items.push({ Deleted: imageId }, ...released.map((chainId) => ({ Deleted: chainId })));
  return true;
}

/** An image that lost its last name stays, dangling, while a container needs it. */
function isHeld(context: ImageContext, { imageId, force }: Removal): boolean {
  return context.users.usersOf(imageId).some(({ running }) => running || !force);
}

function untagAll(context: ImageContext, removal: Removal): void {
  for (const { record, reference } of namesOf(context, removal.imageId)) {
    context.metadata.images.remove(record.reference);
    removal.items.push({ Untagged: familiarReference(reference) });
    removal.untagged.push(reference);
  }
}

/** Digest names go with the last tag of their repository, without an event, as in dockerd. */
function dropLonelyDigests(context: ImageContext, { imageId, items }: Removal, removed: Reference): void {
  const names = namesOf(context, imageId).filter(
    ({ reference }) => reference.domain === removed.domain && reference.path === removed.path,
  );
  if (names.some(isTag)) return;
  for (const { record, reference } of names) {
    context.metadata.images.remove(record.reference);
    items.push({ Untagged: familiarReference(reference) });
  }
}

/** At most one tag, and every digest name in that tag's repository. */
function isSingleReference(names: readonly ImageName[]): boolean {
  if (names.length <= 1) return true;
  if (names.filter(isTag).length > 1) return false;
  return new Set(names.map(({ reference }) => `${reference.domain}/${reference.path}`)).size === 1;
}

function asRecorded(reference: Reference): Reference {
  const { digest } = reference;
  return digest === undefined ? withDefaultTag(reference) : withDigest(reference, digest);
}
