import { existsSync, readFileSync } from "node:fs";
import { findProgram, runProgram } from "#host";
import { DEFAULT_PROFILE, profileText } from "./profileText.ts";

const ENABLED = "/sys/module/apparmor/parameters/enabled";
const LOADED = "/sys/kernel/security/apparmor/profiles";

const startsWith = (path: string, text: string): boolean => {
  try {
    return readFileSync(path, "utf8").startsWith(text);
  } catch {
    return false; // a kernel without AppArmor, or securityfs is mounted nowhere
  }
};

function isLoaded(): boolean {
  try {
    const lines = readFileSync(LOADED, "utf8").split("\n");
    return lines.some((line) => line.startsWith(`${DEFAULT_PROFILE} (`));
  } catch {
    return false;
  }
}

async function load(): Promise<string | undefined> {
  if (!startsWith(ENABLED, "Y") || !existsSync(LOADED)) return undefined;
  // A dockerd on this host may have brought it, with the same rules: it stays.
  if (isLoaded()) return DEFAULT_PROFILE;
  const file = findProgram("apparmor_parser");
  if (file === undefined) return undefined;
  const input = profileText(existsSync);
  const { code } = await runProgram({ file, args: ["--replace", "--skip-cache", "--quiet"], input });
  return code === 0 && isLoaded() ? DEFAULT_PROFILE : undefined;
}

let ready: Promise<string | undefined> | undefined;

/**
 * The name of the profile that containers have unless they ask for another; loaded into the kernel by the first call. Undefined
 * where the kernel has no AppArmor, or nothing here can load profiles: then `info` does not name AppArmor.
 */
export function defaultAppArmorProfile(): Promise<string | undefined> {
  ready ??= load().catch(() => undefined);
  return ready;
}
