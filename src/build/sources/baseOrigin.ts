import { DEFAULT_DOMAIN } from "#oci";
import type { Reference } from "#oci";
import type { RegistryClient, RepositoryReader } from "#remote";
import type { BuildSession } from "../session.ts";
import { sessionRepository } from "./sessionRepository.ts";

/** What clients know Docker Hub's registry by. */
const HUB_HOST = "registry-1.docker.io";

export interface Origin {
  readonly repository: RepositoryReader;
  /** The repository when it is a registry's. */
  readonly origin: Reference | undefined;
}

/** The host by which a session is asked for the credentials of a domain. */
export function credentialsHost(domain: string): string {
  return domain === DEFAULT_DOMAIN ? HUB_HOST : domain;
}

/** Where an image is read from: the registry, with what the client knows of it, or the client's own OCI layout. */
export async function openOrigin(
  remote: RegistryClient,
  reference: Reference,
  from: { readonly session: BuildSession; readonly ociLayout: string | undefined },
): Promise<Origin> {
  const { session, ociLayout } = from;
  if (ociLayout !== undefined)
    return { repository: sessionRepository(await session.contentStore(ociLayout)), origin: undefined };
  const credentials = await session.credentials(credentialsHost(reference.domain));
  const options = { scope: "pull" as const, ...(credentials === undefined ? {} : { credentials }) };
  return { repository: remote.repository(reference, options), origin: reference };
}
