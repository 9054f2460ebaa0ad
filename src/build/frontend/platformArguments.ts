import { formatPlatform } from "#oci";
import type { Platform } from "#oci";

/** Variables that every Dockerfile has before its first ARG; a build argument of the name wins. */
export function platformArguments(
  build: Platform,
  target: Platform,
  given: ReadonlyMap<string, string>,
  stage: string,
): Map<string, string> {
  const values: readonly (readonly [string, string])[] = [
    ["BUILDPLATFORM", formatPlatform(build)],
    ["BUILDOS", build.os],
    ["BUILDOSVERSION", build["os.version"] ?? ""],
    ["BUILDARCH", build.architecture],
    ["BUILDVARIANT", build.variant ?? ""],
    ["TARGETPLATFORM", formatPlatform(target)],
    ["TARGETOS", target.os],
    ["TARGETOSVERSION", target["os.version"] ?? ""],
    ["TARGETARCH", target.architecture],
    ["TARGETVARIANT", target.variant ?? ""],
    ["TARGETSTAGE", stage],
  ];
  return new Map(values.map(([name, value]) => [name, given.get(name) ?? value]));
}
