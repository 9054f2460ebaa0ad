import { EngineError, ErrorCode } from "#errors";
import type { TarEntry } from "#tar";

const TYPE_BITS: Readonly<Record<TarEntry["type"], number>> = {
  file: 0o100000,
  hardlink: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  char: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
};
const NANO = 1_000_000_000n;

/** Type and permission bits as `st_mode` has them. */
export function statMode({ type, mode }: Pick<TarEntry, "type" | "mode">): number {
  return TYPE_BITS[type] | mode;
}

/** Nanoseconds since 1970. */
export function modifiedAt(entry: Pick<TarEntry, "mtimeSeconds" | "mtimeNanoseconds">): bigint {
  return BigInt(entry.mtimeSeconds) * NANO + BigInt(entry.mtimeNanoseconds);
}

/** Names of archives are bytes (latin1 here), those of contexts are text. @throws {invalid_argument} when they are not UTF-8 */
export function contextText(latin1: string): string {
  const bytes = Buffer.from(latin1, "latin1");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const message = `${JSON.stringify(bytes.toString())}: names of a build context must be UTF-8`;
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message, { cause });
  }
}
