import { isNotFound, isUnauthenticated } from "#errors";
import { digestOf, formatReference, isIndexMediaType, parseManifest, parseReference, withDefaultTag } from "#oci";
import type { OciManifest, Platform, Reference } from "#oci";
import { goMarshal } from "../format/goEncoding.ts";
import type { RegistryCalls, RemoteDocument } from "../registry/registryCalls.ts";

/** A manifest and what a list says of it; Docker's client keeps lists of these. */
export interface ImageManifest {
  /** Whole reference, e.g. `docker.io/library/nginx:latest`. */
  readonly ref: string;
  readonly mediaType: string;
  readonly digest: string;
  readonly platform?: Platform;
  readonly raw: Buffer;
}

const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const DIRECT_CHILDREN = 256;

/** `nginx` → `docker.io/library/nginx:latest`, parsed. @throws {invalid_argument} in Docker's words. */
export function normalReference(text: string): Reference {
  return withDefaultTag(parseReference(text));
}

export const documentKey = (mediaType: string): "OCIManifest" | "SchemaV2Manifest" =>
  mediaType === OCI_MANIFEST ? "OCIManifest" : "SchemaV2Manifest";

/** Keys in the order of Go's structs; what is empty is left out, but for the architecture and the system. */
export function platformJson(platform: Platform): Readonly<Record<string, unknown>> {
  const { architecture, os, variant, "os.version": version, "os.features": features = [] } = platform;
  return {
    architecture,
    os,
    ...(version === undefined || version === "" ? {} : { "os.version": version }),
    ...(features.length === 0 ? {} : { "os.features": features }),
    ...(variant === undefined || variant === "" ? {} : { variant }),
  };
}

/** What `manifest inspect -v` shows and what lies in the store. */
export function manifestJson(manifest: ImageManifest): Readonly<Record<string, unknown>> {
  const { ref, mediaType, digest, platform, raw } = manifest;
  return {
    Ref: ref,
    Descriptor: {
      mediaType,
      digest,
      size: raw.byteLength,
      ...(platform === undefined ? {} : { platform: platformJson(platform) }),
    },
    Raw: raw.toString("base64"),
    [documentKey(mediaType)]: JSON.parse(raw.toString("utf8")) as unknown,
  };
}

/** The list that these make, byte for byte as Docker's client pushes it. @throws when one comes from another registry than the list. */
export function manifestList(
  target: Reference,
  manifests: readonly ImageManifest[],
): { readonly mediaType: string; readonly raw: Buffer; readonly digest: string } {
  const entries = manifests.map(({ ref, mediaType, digest, platform, raw }) => {
    const { domain } = parseReference(ref);
    if (domain !== target.domain) {
      throw new Error(
        `cannot use source images from a different registry than the target image: ${domain} != ${target.domain}`,
      );
    }
    return {
      mediaType,
      size: raw.byteLength,
      digest,
      platform: platformJson(platform ?? { architecture: "", os: "" }),
    };
  });
  const mediaType = manifests[0]?.mediaType === OCI_MANIFEST ? OCI_INDEX : DOCKER_LIST;
  const raw = Buffer.from(goMarshal({ schemaVersion: 2, mediaType, manifests: entries }, "   "));
  return { mediaType, raw, digest: digestOf(raw) };
}

/** Config and layers, in the order in which Docker's client mounts them. */
export function blobsOf({ raw, mediaType }: ImageManifest): readonly OciManifest["config"][] {
  const document = parseManifest(raw, mediaType);
  return document.kind === "index" ? [] : [document.value.config, ...document.value.layers];
}

async function platformOf(registry: RegistryCalls, name: string, document: RemoteDocument): Promise<Platform> {
  const parsed = parseManifest(document.raw, document.mediaType);
  if (parsed.kind === "index") return { architecture: "", os: "" };
  const bytes = await registry.blob(name, parsed.value.config);
  const config = JSON.parse(bytes.toString("utf8")) as Partial<Platform>;
  return { ...config, architecture: config.architecture ?? "", os: config.os ?? "" };
}

/** An image or a list in a registry; a list's children take the platform that it gives them. */
export type Fetched =
  | { readonly kind: "manifest"; readonly manifest: ImageManifest }
  | { readonly kind: "list"; readonly manifests: readonly ImageManifest[] };

async function fetchChildren(
  registry: RegistryCalls,
  reference: Reference,
  index: RemoteDocument,
): Promise<readonly ImageManifest[]> {
  const parsed = parseManifest(index.raw, index.mediaType);
  const children = parsed.kind === "index" ? parsed.value.manifests.slice(0, DIRECT_CHILDREN) : [];
  // A reference that has a tag keeps it, as in Docker: repository:tag@digest.
  return Promise.all(
    children.map(async ({ digest, platform = { architecture: "", os: "" } }) => {
      const ref = formatReference({ ...reference, digest });
      const { raw, mediaType } = await registry.document(ref);
      return { ref, mediaType, digest, platform, raw };
    }),
  );
}

/** From the registry. @throws `no such manifest: …` where there is none, or none that this user may see. */
export async function fetchManifests(registry: RegistryCalls, reference: Reference): Promise<Fetched> {
  const ref = formatReference(reference);
  let document: RemoteDocument;
  try {
    document = await registry.document(ref);
  } catch (error) {
    if (isNotFound(error) || isUnauthenticated(error)) throw new Error(`no such manifest: ${ref}`, { cause: error });
    throw error;
  }
  if (isIndexMediaType(document.mediaType)) {
    return { kind: "list", manifests: await fetchChildren(registry, reference, document) };
  }
  return {
    kind: "manifest",
    manifest: { ref, ...document, platform: await platformOf(registry, ref, document) },
  };
}
