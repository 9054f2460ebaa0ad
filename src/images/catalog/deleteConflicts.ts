import type { Digest } from "#oci";
import type { ImageContext } from "../context.ts";
import { conflict } from "../imageErrors.ts";
import { shortId } from "../layerProgress.ts";

const SHORT_CONTAINER_ID = 12;

type User = ReturnType<ImageContext["users"]["usersOf"]>[number];

/**
 * What stands in the way of deleting an image. A running container cannot be forced; several names (asked with `named`)
 * and a stopped container can.
 * @throws {conflict} `conflict: unable to delete <id> (cannot be forced|must be forced) - …`
 */
export function checkConflicts(
  context: ImageContext,
  imageId: Digest,
  { force, named }: { readonly force: boolean; readonly named: boolean },
): void {
  const users = context.users.usersOf(imageId);
  const running = users.find((user) => user.running);
  if (running !== undefined) throw deleteConflict(imageId, "cannot be forced", usedBy("running", running));
  if (force) return;
  if (named && context.metadata.images.listByImageId(imageId).length > 0)
    throw deleteConflict(imageId, "must be forced", "image is referenced in multiple repositories");
  const [stopped] = users;
  if (stopped !== undefined) throw deleteConflict(imageId, "must be forced", usedBy("stopped", stopped));
}

/** `container 4f5e… is using its referenced image 3393b8…` */
export function describeUse(user: User, imageId: Digest): string {
  return `container ${user.id.slice(0, SHORT_CONTAINER_ID)} is using its referenced image ${shortId(imageId)}`;
}

function usedBy(state: "running" | "stopped", user: User): string {
  return `image is being used by ${state} container ${user.id.slice(0, SHORT_CONTAINER_ID)}`;
}

function deleteConflict(imageId: Digest, force: string, why: string): Error {
  return conflict(`unable to delete ${shortId(imageId)} (${force}) - ${why}`);
}
