/**
 * What a registry knows of an image, without pulling a layer: `node inspectRemote.ts registry:debian:12-slim [PLATFORM]`.
 * Only manifest and config are fetched; credentials are those of `docker login`.
 */
import { formatPlatform, openImage } from "varve";

const [source = "registry:debian:12-slim", platform] = process.argv.slice(2);

await using image = await openImage(source, platform === undefined ? {} : { platform });
const { os, architecture, variant, config, created } = image.config;
console.log(`manifest ${image.manifestDigest}`);
console.log(`image    ${image.imageId}`);
console.log(`platform ${formatPlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) })}`);
console.log(`created  ${created ?? "?"}`);
console.log(`command  ${JSON.stringify([...(config?.Entrypoint ?? []), ...(config?.Cmd ?? [])])}`);
for (const { step, blob, history } of image.layers) {
  console.log(`layer    ${blob?.size ?? "?"} bytes, step ${step}: ${history?.created_by ?? ""}`);
}
