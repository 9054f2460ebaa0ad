import type { OpenImage } from "#analysis";
import { configDirectory, loadConfigFile, registryCredentials } from "#client";
import type { Reference } from "#oci";
import type { RegistryCredentials } from "#remote";
import { openImage as openAt, writeImage as writeTo } from "#transports";
import type { BuiltImage, ImageSource, OpenImageOptions, RegistryAccess, WrittenImage } from "#transports";

/**
 * Opens an image to look into, without daemon, root, mount or unpacking: `docker-archive:FILE[:NAME:TAG]` (also gzip or zstd),
 * `oci-archive:FILE[:NAME]`, `oci-layout:DIR[:NAME]`, `registry:REF`. Config and manifest are read and verified; a layer when it is
 * asked for. Registries are asked with what `docker login` stored, unless `credentials` says otherwise.
 *
 * The caller disposes the image (`await using image = await openImage(…)`).
 * @throws {EngineError} `category` tells what to do: `invalid_argument` (no such source, damaged archive), `not_found` (file, image,
 * platform, tag), `unauthenticated`, `permission_denied`, `unavailable` (registry), `data_loss` (digests)
 */
export async function openImage(source: ImageSource | string, options: OpenImageOptions = {}): Promise<OpenImage> {
  return await openAt(source, { credentials: dockerCredentials, ...options });
}

/**
 * Writes an image that `imageFromDirectory` made: `registry:REF` is pushed, `oci-layout:DIR[:NAME]` gets one image more (or another of
 * that name), `docker-archive:FILE[:NAME:TAG]` and `oci-archive:FILE[:NAME]` are written whole or not at all. Credentials as
 * {@link openImage}.
 * @throws {EngineError} as {@link openImage}
 */
export async function writeImage(
  image: BuiltImage,
  destination: ImageSource | string,
  options: RegistryAccess = {},
): Promise<WrittenImage> {
  return await writeTo(image, destination, { credentials: dockerCredentials, ...options });
}

/** What `docker login` stored for a reference's registry, credential helpers asked; undefined when there is nothing. */
export async function dockerCredentials(reference: Reference): Promise<RegistryCredentials | undefined> {
  return await registryCredentials(loadConfigFile(configDirectory(undefined)), reference);
}
