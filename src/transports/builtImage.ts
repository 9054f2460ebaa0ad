import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { pipeline, Readable } from "node:stream";
import type { Transform } from "node:stream";
import { createGzip, createZstdCompress } from "node:zlib";
import { EngineError, ErrorCode } from "#errors";
import { MediaType, digestOf, hostPlatform, parseDiffId, parseDigest, parseImageConfig, parsePlatform } from "#oci";
import type {
  Compression,
  ContainerDefaults,
  Descriptor,
  DiffId,
  Digest,
  HistoryEntry,
  ImageConfig,
  Platform,
} from "#oci";
import { tarOfDirectory } from "./directoryTar.ts";
import type { DirectoryTarOptions } from "./directoryTar.ts";
import { readSpan } from "./fileSpan.ts";
import { TemporaryFiles } from "./temporaryFiles.ts";

/** An image that was made here: its documents in memory, its layers in temporary files without a name. The caller disposes it. */
export interface BuiltImage extends AsyncDisposable {
  readonly imageId: Digest;
  readonly config: ImageConfig;
  readonly rawConfig: Uint8Array;
  /** An OCI image manifest. */
  readonly rawManifest: Uint8Array;
  readonly manifestDigest: Digest;
  /** Base first. */
  readonly layers: readonly BuiltLayer[];
}

export interface BuiltLayer {
  readonly diffId: DiffId;
  /** Bytes of the plain tar. */
  readonly tarBytes: number;
  /** Of the blob as `open` gives it. */
  readonly blob: Descriptor;
  readonly open: (signal?: AbortSignal) => AsyncIterable<Uint8Array>;
}

export interface ImageFromDirectoryOptions extends DirectoryTarOptions {
  /** What containers get: `{ Env: ["A=1"], Cmd: ["/app"], User: "1000" }`. */
  readonly config?: ContainerDefaults;
  /** `linux/arm64`; default: the machine's. */
  readonly platform?: Platform | string;
  /** RFC 3339; default 1970-01-01T00:00:00Z, so that the same directory gives the same image. */
  readonly created?: string;
  readonly author?: string;
  /** `created_by` of the layer's history entry; default `varve: image from a directory`. */
  readonly createdBy?: string;
  /** Of the layer as it is stored; default gzip. The same release of zlib gives the same bytes. */
  readonly compression?: Compression;
  /** Where the layer's temporary file is made; default `os.tmpdir()`. */
  readonly temporaryDirectory?: string;
}

const EPOCH = "1970-01-01T00:00:00Z";
const CREATED_BY = "varve: image from a directory";
const MEDIA_TYPES: Readonly<Record<Compression, string>> = {
  none: MediaType.OCI_LAYER,
  gzip: MediaType.OCI_LAYER_GZIP,
  zstd: MediaType.OCI_LAYER_ZSTD,
};

/**
 * One layer out of a directory, and the image around it; the same directory and options give the same image ID. Without root.
 * @throws as {@link tarOfDirectory}; {invalid_argument} INVALID_IMAGE_CONFIG, INVALID_PLATFORM
 */
export async function imageFromDirectory(
  directory: string,
  options: ImageFromDirectoryOptions = {},
): Promise<BuiltImage> {
  await using stack = new AsyncDisposableStack();
  const { temporaryDirectory, compression = "gzip" } = options;
  const temporaries = stack.use(
    new TemporaryFiles({ directory: temporaryDirectory, maxBytes: Number.POSITIVE_INFINITY }),
  );
  const layer = await storeLayer(tarOfDirectory(directory, options), compression, temporaries);
  const rawConfig = Buffer.from(JSON.stringify(configOf(layer.diffId, options)));
  const config = parseImageConfig(rawConfig);
  const rawManifest = Buffer.from(JSON.stringify(manifestOf(rawConfig, layer)));
  const owned = stack.move();
  return {
    imageId: digestOf(rawConfig),
    config,
    rawConfig,
    rawManifest,
    manifestDigest: digestOf(rawManifest),
    layers: [layer],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function configOf(diffId: DiffId, options: ImageFromDirectoryOptions): object {
  const { platform, created = EPOCH, author, config } = options;
  const { os, architecture, variant } =
    typeof platform === "string" ? parsePlatform(platform) : (platform ?? hostPlatform());
  const history: HistoryEntry = { created, created_by: options.createdBy ?? CREATED_BY };
  return {
    created,
    ...(author === undefined ? {} : { author }),
    architecture,
    ...(variant === undefined ? {} : { variant }),
    os,
    config: config ?? {},
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [history],
  };
}

function manifestOf(rawConfig: Uint8Array, layer: BuiltLayer): object {
  return {
    schemaVersion: 2,
    mediaType: MediaType.OCI_MANIFEST,
    config: { mediaType: MediaType.OCI_CONFIG, digest: digestOf(rawConfig), size: rawConfig.length },
    layers: [layer.blob],
  };
}

async function storeLayer(
  tar: AsyncIterable<Uint8Array>,
  compression: Compression,
  temporaries: TemporaryFiles,
): Promise<BuiltLayer> {
  const file = await temporaries.create();
  const plain = new Tally();
  const stored = new Tally();
  for await (const chunk of compressed(plain.watch(tar), compression)) {
    stored.add(chunk);
    if (!(await file.append(chunk))) {
      throw new EngineError("resource_exhausted", ErrorCode.NO_SPACE, "no space left on device for the layer");
    }
  }
  const { span } = file;
  return {
    diffId: parseDiffId(plain.digest()),
    tarBytes: plain.bytes,
    blob: { mediaType: MEDIA_TYPES[compression], digest: parseDigest(stored.digest()), size: stored.bytes },
    open: (signal) => readSpan(span, { signal }),
  };
}

async function* compressed(
  tar: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array, void, void> {
  if (compression === "none") return yield* tar;
  const transform: Transform = compression === "gzip" ? createGzip() : createZstdCompress();
  // The iteration sees every failure; the callback only keeps `pipeline` from throwing it again.
  const output = pipeline(Readable.from(copies(tar), { objectMode: false }), transform, () => undefined);
  for await (const chunk of output) yield Buffer.from(chunk);
}

async function* copies(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks) yield Buffer.from(chunk);
}

/** Digest and length of bytes that go by. */
class Tally {
  bytes = 0;
  readonly #hash: Hash = createHash("sha256");

  add(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
  }

  async *watch(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    for await (const chunk of chunks) {
      this.add(chunk);
      yield chunk;
    }
  }

  digest(): string {
    return `sha256:${this.#hash.digest("hex")}`;
  }
}
