import { wrapError } from "#errors";
import { formatPlatform, formatReference } from "#oci";
import type { Platform, Reference } from "#oci";
import type { ResolvedImage } from "../sources/imageResolver.ts";
import type { BuildRequest } from "../request.ts";
import type { FrontendHost } from "./frontendHost.ts";

export interface MetadataWish {
  readonly reference: Reference;
  readonly platform: Platform;
  /** `[internal] load metadata for docker.io/library/debian:12-slim` */
  readonly taskName: string;
  readonly ociLayout?: string;
}

/** Image configs, each asked for once a build. */
export class FrontendImages {
  readonly #request: BuildRequest;
  readonly #host: FrontendHost;
  readonly #resolved = new Map<string, Promise<ResolvedImage>>();

  constructor(request: BuildRequest, host: FrontendHost) {
    this.#request = request;
    this.#host = host;
  }

  resolve({ reference, platform, taskName, ociLayout }: MetadataWish): Promise<ResolvedImage> {
    const key = [formatReference(reference), formatPlatform(platform), ociLayout ?? ""].join(" ");
    const known = this.#resolved.get(key);
    if (known !== undefined) return known;
    const { options, session, signal } = this.#request;
    const resolved = this.#host
      .task(taskName, () =>
        this.#host.images.resolve(reference, { platform, mode: options.imageResolveMode, ociLayout, session, signal }),
      )
      .catch((error: unknown) => {
        throw wrapError(error, `failed to resolve source metadata for ${formatReference(reference)}`);
      });
    this.#resolved.set(key, resolved);
    return resolved;
  }
}
