import type { ImageConfig, Platform, Reference } from "#oci";
import type { Digest } from "#oci";
import type { ImageSource } from "../graph/operation.ts";
import type { BuildSession } from "../session.ts";

/** Finds an image's config without its layers: for FROM, `COPY --from=image`, named contexts. */
export interface ImageResolver {
  /**
   * @throws {not_found} `docker.io/library/nosuch:latest: not found`, no manifest for the platform
   * @throws {unauthenticated} {permission_denied} in the registry's and BuildKit's words
   */
  resolve(reference: Reference, options: ResolveOptions): Promise<ResolvedImage>;
}

export interface ResolveOptions {
  readonly platform: Platform;
  readonly mode: "default" | "pull" | "local";
  /** The session's content store that holds the image; undefined: here or in the registry. */
  readonly ociLayout: string | undefined;
  readonly session: BuildSession;
  readonly signal: AbortSignal;
}

export interface ResolvedImage {
  /** Ready to be a vertex's operation. */
  readonly source: ImageSource;
  /** What the reference names (an index's, else the manifest's digest): `FROM x@sha256:…` shows it; undefined for an image that is only here. */
  readonly digest: Digest | undefined;
  readonly config: ImageConfig;
}
