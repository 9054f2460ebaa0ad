import type { OpenImage } from "#analysis";
import { parsePlatform } from "#oci";
import type { Session } from "./session.ts";

export interface OpenAnyImageOptions {
  /** As after `--platform`; "" is none. */
  readonly platform?: string;
  readonly signal?: AbortSignal;
}

/** The room behind it is loaded for these only. */
const MAY_BE_SOURCE = /^(?:docker|oci|registry)[-:]/;

/**
 * What a user names after a command that looks into images: an archive, a layout or a registry's reference by its source, read
 * here; everything else is an image of the daemon. The caller disposes it.
 * @throws as `openImage` of `#transports`, `openStoredImage` of `#client`
 */
export async function openAnyImage(
  session: Pick<Session, "client" | "config">,
  name: string,
  options: OpenAnyImageOptions = {},
): Promise<OpenImage> {
  const wanted = options.platform ?? "";
  const platform = wanted === "" ? {} : { platform: parsePlatform(wanted) };
  const { openStoredImage, registryCredentials } = await import("#client");
  const transports = MAY_BE_SOURCE.test(name) ? await import("#transports") : undefined;
  if (transports?.parseImageSource(name) === undefined) return await openStoredImage(session.client, name, platform);
  const { config } = session;
  return await transports.openImage(name, {
    ...platform,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    credentials: (reference) => registryCredentials(config, reference),
  });
}
