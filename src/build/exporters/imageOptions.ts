import type { Compression, Reference } from "#oci";
import { parseAnnotations } from "./annotations.ts";
import type { AnnotationSet } from "./annotations.ts";
import { invalidAttribute, readEpoch, readSwitch } from "./attributes.ts";
import { checkTags, parseNames } from "./imageNames.ts";

type Attributes = Readonly<Record<string, string>>;

/** How an image is written: attributes of BuildKit's image exporters, read. */
export interface ImageOptions {
  readonly names: readonly Reference[];
  readonly push: boolean;
  readonly pushByDigest: boolean;
  /** Into our image store too. */
  readonly store: boolean;
  /** Every name also by digest. */
  readonly nameCanonical: boolean;
  readonly danglingPrefix: string | undefined;
  readonly danglingEmptyOnly: boolean;
  /** undefined: as the content demands. */
  readonly ociTypes: boolean | undefined;
  readonly ociArtifact: boolean;
  readonly compression: Compression;
  readonly compressionLevel: number | undefined;
  readonly forceCompression: boolean;
  readonly annotations: AnnotationSet;
  /** seconds since 1970 */
  readonly epoch: number | undefined;
  readonly rewriteTimestamp: boolean;
  /** An attribute asks for what only a manifest can hold. */
  readonly needsManifest: boolean;
}

const COMPRESSIONS: ReadonlyMap<string, Compression> = new Map([
  ["", "gzip"],
  ["gzip", "gzip"],
  ["zstd", "zstd"],
  ["uncompressed", "none"],
]);

const MAX_GZIP_LEVEL = 9;
const MAX_ZSTD_LEVEL = 19;

const MANIFEST_ATTRIBUTES = [
  "compression",
  "compression-level",
  "force-compression",
  "name-canonical",
  "dangling-name-prefix",
  "oci-mediatypes",
  "oci-artifact",
  "rewrite-timestamp",
  "push-by-digest",
];

/** @throws {invalid_argument} in BuildKit's words */
export function readImageOptions(attributes: Attributes): ImageOptions {
  const names = parseNames(attributes["name"]);
  checkTags(names);
  const annotations = parseAnnotations(attributes);
  const options: ImageOptions = {
    names,
    push: readSwitch(attributes, "push") ?? false,
    pushByDigest: readSwitch(attributes, "push-by-digest") ?? false,
    store: readSwitch(attributes, "store") ?? true,
    nameCanonical: readSwitch(attributes, "name-canonical") ?? false,
    danglingPrefix: attributes["dangling-name-prefix"] ?? undefined,
    // BuildKit's own spelling.
    danglingEmptyOnly: readSwitch(attributes, "danging-name-empty-only") ?? false,
    ociTypes: readSwitch(attributes, "oci-mediatypes"),
    ociArtifact: readSwitch(attributes, "oci-artifact") ?? false,
    compression: readCompression(attributes["compression"]),
    compressionLevel: readLevel(attributes["compression-level"], readCompression(attributes["compression"])),
    forceCompression: readSwitch(attributes, "force-compression") ?? false,
    annotations,
    epoch: readEpoch(attributes),
    rewriteTimestamp: readSwitch(attributes, "rewrite-timestamp") ?? false,
    needsManifest: !annotations.isEmpty || MANIFEST_ATTRIBUTES.some((key) => attributes[key] !== undefined),
  };
  checkTypes(options);
  return options;
}

function checkTypes({ ociTypes, compression, annotations, ociArtifact }: ImageOptions): void {
  if (ociTypes !== false) return;
  if (compression === "zstd")
    throw invalidAttribute('exporter option "compression=zstd" conflicts with "oci-mediatypes=false"');
  if (ociArtifact) throw invalidAttribute('exporter option "oci-artifact=true" conflicts with "oci-mediatypes=false"');
  if (annotations.needsOci) throw invalidAttribute('cannot export annotations with "oci-mediatypes=false"');
}

export function readCompression(text = ""): Compression {
  const found = COMPRESSIONS.get(text);
  if (found !== undefined) return found;
  if (text === "estargz")
    throw invalidAttribute("compression type estargz is not made here: use gzip, zstd or uncompressed");
  throw invalidAttribute(`unsupported compression type ${text}`);
}

/** Negative: the compressor's own; zstd takes what is nearest, gzip refuses. */
export function readLevel(text: string | undefined, compression: Compression): number | undefined {
  if (text === undefined) return undefined;
  if (/^[+-]?\d+$/.test(text)) {
    const level = Number(text);
    if (compression === "gzip" && level > MAX_GZIP_LEVEL)
      throw invalidAttribute(`gzip: invalid compression level: ${level}`);
    return level < 0
      ? undefined
      : Math.min(Math.max(level, 1), compression === "gzip" ? MAX_GZIP_LEVEL : MAX_ZSTD_LEVEL);
  }
  const why = `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`;
  throw invalidAttribute(`non-integer value ${text} specified for compression-level: ${why}`);
}
