import type { HostConfig } from "../request/hostConfig.ts";
import { parseSecurityOptions } from "../request/securityOptions.ts";

/**
 * The AppArmor profile that `inspect` names: the one that was asked for, none for a privileged container, else `fallback`.
 * Without a fallback the host has no AppArmor, and what was asked for is only remembered.
 */
export function appArmorProfile(
  { SecurityOpt, Privileged }: Pick<HostConfig, "SecurityOpt" | "Privileged">,
  fallback: string | undefined,
): string {
  const { appArmor } = parseSecurityOptions(SecurityOpt);
  if (appArmor !== "" || fallback === undefined) return appArmor;
  return Privileged ? "unconfined" : fallback;
}

/** What a process is started with; undefined: unconfined, as the daemon is, or a host without AppArmor. */
export function appliedProfile(
  host: Pick<HostConfig, "SecurityOpt" | "Privileged">,
  fallback: string | undefined,
): string | undefined {
  const profile = fallback === undefined ? "unconfined" : appArmorProfile(host, fallback);
  return profile === "unconfined" ? undefined : profile;
}
