import { EngineError, ErrorCode } from "#errors";
import type { Compression } from "#oci";
import { readCompression, readLevel } from "../exporters/imageOptions.ts";
import { readSwitch } from "../exporters/attributes.ts";
import type { CacheLocation } from "../request.ts";

/** Where a cache goes, read. */
export interface CacheTarget {
  readonly type: "registry" | "local" | "inline";
  /** Of a registry. */
  readonly ref: string;
  /** The client's name of its directory. */
  readonly dest: string;
  /** All steps, not those alone whose layers the result has. */
  readonly isMax: boolean;
  readonly compression: Compression;
  readonly compressionLevel: number | undefined;
  readonly forceCompression: boolean;
  /** A cache that cannot be written fails no build. */
  readonly ignoreError: boolean;
}

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

/** @throws {invalid_argument} in BuildKit's words */
export function readCacheTarget({ type, attributes }: CacheLocation): CacheTarget {
  if (type !== "registry" && type !== "local" && type !== "inline")
    throw refused(`unknown cache exporter: ${JSON.stringify(type)}`);
  const { ref = "", dest = "", mode = "min" } = attributes;
  if (type === "registry" && ref === "") throw refused("failed to configure registry cache exporter: missing ref");
  if (type === "local" && dest === "") throw refused("local cache exporter requires dest");
  if (mode !== "min" && mode !== "max") throw refused(`invalid cache export mode: ${mode}`);
  return {
    type,
    ref,
    dest,
    isMax: mode === "max",
    compression: readCompression(attributes["compression"]),
    compressionLevel: readLevel(attributes["compression-level"], readCompression(attributes["compression"])),
    forceCompression: readSwitch(attributes, "force-compression") ?? false,
    ignoreError: readSwitch(attributes, "ignore-error") ?? false,
  };
}
