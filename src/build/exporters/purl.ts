import { familiarName, formatPlatform, withDefaultTag } from "#oci";
import type { Platform, Reference } from "#oci";

/** An image as a package URL: `pkg:docker/127.0.0.1%3A5000/a/b@1?platform=linux%2Famd64` (purl-spec). */
export function imagePurl(named: Reference, platform: Platform, type: "docker" | "oci" = "docker"): string {
  const reference = withDefaultTag(named);
  const path = familiarName(reference).split("/").map(encodeURIComponent).join("/");
  const version = reference.tag === undefined ? "" : `@${encodeURIComponent(reference.tag)}`;
  const digest = reference.digest === undefined ? "" : `digest=${encodeURIComponent(reference.digest)}&`;
  return `pkg:${type}/${path}${version}?${digest}platform=${encodeURIComponent(formatPlatform(platform))}`;
}
