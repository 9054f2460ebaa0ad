import { digestOf, formatPlatform, formatReference, parseDescriptor, parsePlatform } from "#oci";
import type { Descriptor, Platform } from "#oci";
import { parseAnnotations } from "../build/annotations.ts";
import type { Annotation } from "../build/annotations.ts";
import { goMarshal } from "../format/goEncoding.ts";
import type { RegistryCalls, RemoteDocument } from "../registry/registryCalls.ts";
import { annotationsJson, descriptorJson, isImage, isIndex, parseImage, parseIndex, parseJson } from "./descriptors.ts";
import type { Source } from "./sources.ts";

/** A source as its registry has it, its descriptor changed as the user wants it. */
export interface FoundSource {
  readonly name: string;
  readonly source: Source;
  readonly descriptor: Descriptor;
  readonly raw: Buffer;
}

/** What a new tag is to name. */
export interface CombinedImage {
  readonly mediaType: string;
  readonly digest: string;
  readonly raw: Buffer;
}

const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";

/** The config says what the user did not. */
async function platformOf(
  registry: RegistryCalls,
  name: string,
  raw: Buffer,
  wanted: Platform | undefined,
): Promise<Platform> {
  if (wanted?.os && wanted.architecture) return wanted;
  const config = parseJson(await registry.blob(name, parseImage(raw).config));
  const text = (key: string): string => {
    const value = config[key];
    return typeof value === "string" ? value : "";
  };
  const parts = [text("os"), text("architecture"), text("variant")].filter((part) => part !== "");
  const { variant, architecture, os } = parsePlatform(parts.join("/"));
  const isGiven = wanted?.architecture !== undefined && wanted.architecture !== "";
  return {
    ...wanted,
    os: wanted?.os || os,
    architecture: isGiven ? wanted.architecture : architecture,
    ...(isGiven || wanted?.variant || variant === undefined ? {} : { variant }),
  };
}

function merged(document: RemoteDocument, { wanted }: Source): Descriptor {
  const { digest, mediaType, raw } = document;
  const size = raw.byteLength;
  if (wanted.size !== undefined && wanted.size !== 0 && wanted.size !== size) {
    throw new Error(`invalid size mismatch for ${digest}, ${wanted.size} != ${size}`);
  }
  const { annotations, platform } = wanted;
  const hasAnnotations = annotations !== undefined && Object.keys(annotations).length > 0;
  return parseDescriptor(
    {
      mediaType: wanted.mediaType || mediaType,
      digest,
      size,
      ...(hasAnnotations ? { annotations } : {}),
      ...(platform === undefined ? {} : { platform }),
    },
    "source",
  );
}

/** Asks the registry for a source, and for its platform if need be. */
export async function findSource(registry: RegistryCalls, source: Source): Promise<FoundSource> {
  const name = formatReference(source.reference);
  const document = await registry.document(name);
  const descriptor = merged(document, source);
  const { raw } = document;
  if (!isImage(descriptor.mediaType)) return { name, source, descriptor, raw };
  const platform = await platformOf(registry, name, raw, source.wanted.platform);
  return { name, source, descriptor: { ...descriptor, platform }, raw };
}

/** Entries of all sources, each digest once: what a later one says of it is added. */
function entriesOf(sources: readonly FoundSource[]): readonly Descriptor[] {
  const entries = new Map<string, Descriptor>();
  const all = sources.flatMap(({ descriptor, raw }) =>
    isIndex(descriptor.mediaType) ? parseIndex(raw).manifests : [descriptor],
  );
  for (const entry of all) {
    const known = entries.get(entry.digest);
    entries.set(
      entry.digest,
      known === undefined
        ? entry
        : {
            ...known,
            ...(entry.platform === undefined ? {} : { platform: entry.platform }),
            annotations: { ...known.annotations, ...entry.annotations },
          },
    );
  }
  return [...entries.values()];
}

function refuseAnnotation({ type }: Annotation): void {
  if (type === "" || type === "manifest") throw new Error(`${JSON.stringify(type)} annotations are not supported yet`);
  if (type === "index-descriptor")
    throw new Error(`${JSON.stringify(type)} annotations are invalid while creating an image`);
}

function annotated(entry: Descriptor, annotations: readonly Annotation[]): Descriptor {
  const own = annotations.filter(
    ({ type, platform }) =>
      type === "manifest-descriptor" &&
      (platform === undefined || (entry.platform !== undefined && formatPlatform(entry.platform) === platform)),
  );
  if (own.length === 0) return entry;
  const added = Object.fromEntries(own.map(({ key, value }) => [key, value]));
  return { ...entry, annotations: { ...entry.annotations, ...added } };
}

/**
 * The index over all sources, as buildx writes it: Docker's list when all entries are Docker's, which takes no annotations.
 * One source that is an index stays as it is. `annotations` as on the command line.
 */
export function combine(sources: readonly FoundSource[], annotations: readonly string[]): CombinedImage {
  const [only, ...others] = sources;
  if (only !== undefined && others.length === 0 && annotations.length === 0 && isIndex(only.descriptor.mediaType)) {
    const { mediaType, digest } = only.descriptor;
    return { mediaType, digest, raw: only.raw };
  }
  const entries = entriesOf(sources);
  const isDocker = entries.every(({ mediaType }) => mediaType.startsWith("application/vnd.docker."));
  const mediaType = isDocker ? DOCKER_LIST : OCI_INDEX;
  const wanted = isDocker ? [] : parseAnnotations(annotations);
  for (const annotation of wanted) refuseAnnotation(annotation);
  const ofIndex = wanted.filter(({ type }) => type === "index").map(({ key, value }) => [key, value] as const);
  const raw = Buffer.from(
    goMarshal(
      {
        schemaVersion: 2,
        mediaType,
        manifests: entries.map((entry) => descriptorJson(annotated(entry, wanted))),
        ...annotationsJson(Object.fromEntries(ofIndex)),
      },
      "  ",
    ),
  );
  return { mediaType, digest: digestOf(raw), raw };
}
