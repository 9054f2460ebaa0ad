import { EngineError, ErrorCode } from "#errors";
import { parseReference } from "#oci";
import type { Reference } from "#oci";

/** `name=a,b`. @throws {invalid_argument} in moby's words */
export function parseNames(attribute: string | undefined): readonly Reference[] {
  if (attribute === undefined || attribute === "") return [];
  return attribute.split(",").map(parseReference);
}

/** @throws {invalid_argument} when a name has a digest, which is nobody's to choose */
export function checkTags(names: readonly Reference[]): void {
  if (names.every(({ digest }) => digest === undefined)) return;
  const message = "refusing to create a tag with a digest reference";
  throw new EngineError("invalid_argument", ErrorCode.INVALID_REFERENCE, message);
}
