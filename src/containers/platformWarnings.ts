import { hostVariant } from "#host";
import { formatPlatform, hostPlatform, platformRank } from "#oci";
import type { ImageConfig } from "#oci";

/** An image for another machine, which nobody asked for: in dockerd's words. */
export function platformWarnings({ os, architecture, variant }: ImageConfig): readonly string[] {
  const own = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  if (architecture === "" || platformRank(hostPlatform(), own) !== undefined) return [];
  const level = hostVariant();
  const host = { ...hostPlatform(), ...(level === undefined ? {} : { variant: level }) };
  return [
    `The requested image's platform (${formatPlatform(own)}) does not match the detected host platform (${formatPlatform(host)}) and no specific platform was requested`,
  ];
}
