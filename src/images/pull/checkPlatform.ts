import { EngineError, ErrorCode } from "#errors";
import { formatPlatform, platformRank } from "#oci";
import type { ImageConfig, Platform } from "#oci";

/** In an index the platform is looked for; a lone manifest is what it is. @throws {not_found} in dockerd's words. */
export function checkPlatform(reference: string, config: ImageConfig, wanted: Platform | undefined): void {
  const { os, architecture, variant } = config;
  const actual = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  if (wanted === undefined || platformRank(wanted, actual) !== undefined) return;
  const message = `image with reference ${reference} was found but does not match the specified platform: wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(actual)}`;
  throw new EngineError("not_found", ErrorCode.NO_MATCHING_PLATFORM, message);
}
