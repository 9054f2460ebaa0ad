import { EngineError, findEngineError } from "#errors";
import { familiarName, familiarReference } from "#oci";
import type { Reference } from "#oci";

/** What the registry said of a manifest or a list of tags → what `docker pull` says (moby distribution/errors.go). */
export function pullError(error: unknown, reference: Reference): unknown {
  const inner = findEngineError(error);
  const registryCode = inner?.details?.["registryCode"];
  if (inner === undefined || error !== inner || typeof registryCode !== "string") return error;
  const name = familiarName(reference);
  const told: Readonly<Record<string, string>> = {
    DENIED: `pull access denied for ${name}, repository does not exist or may require 'docker login'`,
    MANIFEST_UNKNOWN: `manifest for ${familiarReference(reference)} not found`,
    NAME_UNKNOWN: `repository ${name} not found`,
  };
  const wording = told[registryCode];
  if (wording === undefined) return error;
  return new EngineError("not_found", inner.code, `${wording}: ${inner.message}`, {
    ...(inner.details === undefined ? {} : { details: inner.details }),
    cause: error,
  });
}
