import { formatReference } from "#oci";
import type { Reference } from "#oci";
import { goDescriptor } from "./documents.ts";
import { goJson } from "./goJson.ts";
import type { WrittenImages } from "./writeImages.ts";

/** What the client is told of an image with a manifest. */
export function imageResponse(
  { root, index, images }: WrittenImages,
  names: readonly Reference[],
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const [first] = images;
  const annotations = { ...root.annotations, ...more };
  return {
    "containerimage.digest": root.digest,
    ...(index === undefined && first !== undefined
      ? { "containerimage.config.digest": first.config.descriptor.digest }
      : {}),
    "containerimage.descriptor": Buffer.from(goJson(goDescriptor({ ...root, annotations }))).toString("base64"),
    ...(names.length === 0 ? {} : { "image.name": names.map(formatReference).join(",") }),
  };
}
