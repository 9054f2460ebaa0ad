import { EngineError, ErrorCode, findEngineError } from "#errors";
import { formatReference } from "#oci";
import type { Reference } from "#oci";

/** What the registry said of a base → what BuildKit's resolver says (containerd's remotes/docker). */
export function resolveError(error: unknown, reference: Reference, act: "pull" | "push" = "pull"): unknown {
  const inner = findEngineError(error);
  if (inner === undefined) return error;
  const told = wording(inner, reference, act);
  if (told === undefined) return error;
  return new EngineError(inner.category, inner.code, told, {
    ...(inner.details === undefined ? {} : { details: inner.details }),
    cause: error,
  });
}

function wording(error: EngineError, reference: Reference, act: string): string | undefined {
  const denied = `${act} access denied, repository does not exist or may require authorization`;
  const registryCode = error.details?.["registryCode"];
  switch (error.code) {
    case ErrorCode.MANIFEST_UNKNOWN:
      return `${formatReference(reference)}: not found`;
    case ErrorCode.NO_MATCHING_PLATFORM:
      return "no match for platform in manifest: not found";
    case ErrorCode.REGISTRY_UNREACHABLE:
      return `failed to do request: ${error.message.replace(/^Get /, "Head ")}`;
    case ErrorCode.AUTH_REQUIRED:
      return `${denied}: authorization failed: no basic auth credentials`;
    case ErrorCode.ACCESS_DENIED:
      return `${denied}: server message: insufficient_scope: authorization failed`;
    default:
      return registryCode === undefined && error.details?.["status"] === 404
        ? `${formatReference(reference)}: not found`
        : undefined;
  }
}
