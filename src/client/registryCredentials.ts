import type { Reference } from "#oci";
import type { ConfigFile } from "./configFile.ts";
import { readCredentials, serverOf } from "./credentials.ts";

/** Credentials as a registry client takes them (`RegistryCredentials` of `#remote`). */
export interface StoredCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

/**
 * What `docker login` or a credential helper keeps for a reference's registry; undefined: ask anonymously.
 * @throws as `readCredentials`
 */
export async function registryCredentials(
  config: ConfigFile,
  reference: Reference,
): Promise<StoredCredentials | undefined> {
  const { username, password, identitytoken, registrytoken } = await readCredentials(config, serverOf(reference));
  const credentials = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(identitytoken === undefined ? {} : { identityToken: identitytoken }),
    ...(registrytoken === undefined ? {} : { registryToken: registrytoken }),
  };
  return Object.keys(credentials).length === 0 ? undefined : credentials;
}
