import type { OpenImage } from "#analysis";
import { EngineError, ErrorCode } from "#errors";
import { parsePlatform } from "#oci";
import type { Platform, Reference } from "#oci";
import type { RegistryCredentials, RegistryOptions } from "#remote";
import { ArchiveFile, openPlainFile } from "./archiveFile.ts";
import { findInDockerArchive } from "./dockerArchive.ts";
import { formatImageSource, parseImageSource } from "./imageSource.ts";
import type { ImageSource } from "./imageSource.ts";
import { filesOfArchive, filesOfDirectory, findInLayout } from "./ociLayout.ts";
import { OpenedImage } from "./openedImage.ts";
import type { FoundImage } from "./openedImage.ts";
import { findInRegistry } from "./registryImage.ts";
import { TemporaryFiles } from "./temporaryFiles.ts";

export interface OpenImageOptions {
  /** `linux/arm64`; default: the machine's, or the only one that there is. */
  readonly platform?: Platform | string;
  /** Who asks a registry; default: nobody. */
  readonly credentials?: (reference: Reference) => Promise<RegistryCredentials | undefined>;
  /** Mirrors, insecure registries, certificates; default: none, plain HTTP for loopback only. */
  readonly registries?: Partial<RegistryOptions>;
  /**
   * Default true: a layer is read whole when its entries are asked for, and its digests are checked. False: of an uncompressed
   * layer in a file only the headers are read, of an eStargz layer (in a registry too) only its table of contents, so that
   * nobody checks that the layer holds what these say.
   */
  readonly verify?: boolean;
  /** Where nameless temporary files are made; default `os.tmpdir()`. */
  readonly temporaryDirectory?: string;
  /** Bytes of all temporary files of the image; default 16 GiB. */
  readonly maxTemporaryBytes?: number;
  /** Bytes of one uncompressed layer; default 256 GiB. */
  readonly maxLayerBytes?: number;
  /** Ends the opening; reading has signals of its own. */
  readonly signal?: AbortSignal;
}

const GIB = 2 ** 30;
const DEFAULT_MAX_TEMPORARY_BYTES = 16 * GIB;
const DEFAULT_MAX_LAYER_BYTES = 256 * GIB;

/**
 * Opens an image where no daemon has it, without root and without unpacking: `docker-archive:FILE`, `oci-archive:FILE`,
 * `oci-layout:DIR`, `registry:REF` (see {@link parseImageSource}). Config and manifest are read and verified, of the layers nothing. The caller disposes it.
 * @throws {invalid_argument} BAD_REQUEST when the text is no such source; INVALID_ARCHIVE, INVALID_MANIFEST, INVALID_IMAGE_CONFIG
 * @throws {not_found} ARCHIVE_NOT_FOUND, IMAGE_NOT_FOUND, NO_MATCHING_PLATFORM, MANIFEST_UNKNOWN
 * @throws {data_loss} DIGEST_MISMATCH, SIZE_MISMATCH
 * @throws {unauthenticated} {permission_denied} {unavailable} as a registry says
 */
export async function openImage(source: ImageSource | string, options: OpenImageOptions = {}): Promise<OpenImage> {
  const where = typeof source === "string" ? parsed(source) : source;
  await using stack = new AsyncDisposableStack();
  const temporaries = stack.use(
    new TemporaryFiles({
      directory: options.temporaryDirectory,
      maxBytes: options.maxTemporaryBytes ?? DEFAULT_MAX_TEMPORARY_BYTES,
    }),
  );
  const name = typeof source === "string" ? source : formatImageSource(source);
  const found = await find(where, { ...options, name, temporaries, stack });
  const rules = {
    temporaries,
    verify: options.verify ?? true,
    maxLayerBytes: options.maxLayerBytes ?? DEFAULT_MAX_LAYER_BYTES,
  };
  // Kept open for the image, or closed here when opening fails.
  const image = await OpenedImage.open(found, rules);
  image.own(stack.move());
  return image;
}

function parsed(text: string): ImageSource {
  const source = parseImageSource(text);
  if (source !== undefined) return source;
  const message = `${JSON.stringify(text)} names no image source: docker-archive:FILE, oci-archive:FILE, oci-layout:DIR or registry:REF`;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

interface Opening extends OpenImageOptions {
  readonly name: string;
  readonly temporaries: TemporaryFiles;
  readonly stack: AsyncDisposableStack;
}

async function find(source: ImageSource, opening: Opening): Promise<FoundImage> {
  const { platform, signal } = opening;
  const choice = {
    from: opening.name,
    image: source.transport === "registry" ? undefined : source.image,
    platform: typeof platform === "string" ? parsePlatform(platform) : platform,
  };
  switch (source.transport) {
    case "docker-archive":
      return await findInDockerArchive(await openPlainFile(source.path, opening), choice, signal);
    case "oci-archive": {
      const archive = await ArchiveFile.read(await openPlainFile(source.path, opening), signal);
      return await findInLayout(filesOfArchive(archive), choice);
    }
    case "oci-layout":
      return await findInLayout(filesOfDirectory(source.path, opening.stack), choice);
    case "registry":
      return await findInRegistry(source.reference, choice, opening);
  }
}
