import { imageLayersOf, shareTree } from "#analysis";
import type { SharedLayer, SharingImage } from "#analysis";
import { isNotFound } from "#errors";
import { calledImages } from "./storedImages.ts";
import type { CalledImage, LookRooms } from "./storedImages.ts";

/** Which images share which layers. */
export async function storeTree(rooms: LookRooms): Promise<readonly SharedLayer[]> {
  const images = await Promise.all(calledImages(rooms.metadata).map((image) => sharing(rooms, image)));
  return shareTree(images.filter((image) => image !== undefined));
}

/** undefined for an image that went away meanwhile. */
async function sharing(
  { images, layers }: LookRooms,
  { names, content }: CalledImage,
): Promise<SharingImage | undefined> {
  try {
    const { config } = await images.lookup(content.imageId);
    return {
      names,
      layers: imageLayersOf(config).map(({ diffId, history }) => ({
        diffId,
        bytes: layers.get(diffId)?.contentBytes ?? 0,
        createdBy: history?.created_by ?? history?.comment ?? "",
      })),
    };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
