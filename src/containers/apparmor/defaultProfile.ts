import { existsSync, readFileSync } from "node:fs";
import { EngineError, ErrorCode } from "#errors";
import { findProgram, runProgram } from "#host";
import { DEFAULT_PROFILE, profileText } from "./profileText.ts";

/** Where a kernel with AppArmor says so, and what brings it profiles. */
interface AppArmorHost {
  readonly enabled: string;
  readonly loaded: string;
  readonly parser: string | undefined;
}

const startsWith = (path: string, text: string): boolean => {
  try {
    return readFileSync(path, "utf8").startsWith(text);
  } catch {
    return false; // a kernel without AppArmor, or securityfs is mounted nowhere
  }
};

function isLoaded({ loaded }: AppArmorHost): boolean {
  try {
    const lines = readFileSync(loaded, "utf8").split("\n");
    return lines.some((line) => line.startsWith(`${DEFAULT_PROFILE} (`));
  } catch {
    return false;
  }
}

/** Loads the profile unless it is there. @throws {failed_precondition} in dockerd's words where the kernel does not take it */
export async function loadDefaultProfile(host: AppArmorHost): Promise<string | undefined> {
  if (!startsWith(host.enabled, "Y") || !existsSync(host.loaded)) return undefined;
  // A dockerd on this host may have brought it, with the same rules: it stays.
  if (isLoaded(host)) return DEFAULT_PROFILE;
  if (host.parser === undefined) return undefined;
  const input = profileText(existsSync);
  const args = ["--replace", "--skip-cache", "--quiet"];
  const { code, stderr } = await runProgram({ file: host.parser, args, input });
  if (code === 0 && isLoaded(host)) return DEFAULT_PROFILE;
  const why = `${host.parser} ended with ${code}: ${stderr.toString().trim()}`;
  throw new EngineError(
    "failed_precondition",
    ErrorCode.RUNTIME_FAILED,
    `AppArmor enabled on system but the ${DEFAULT_PROFILE} profile could not be loaded: ${why}`,
  );
}

let ready: Promise<string | undefined> | undefined;

/**
 * The name of the profile that containers have unless they ask for another; loaded into the kernel by the first call. Undefined
 * where the kernel has no AppArmor, or no program here can load profiles: then `info` does not name AppArmor.
 * @throws {failed_precondition} when it cannot be loaded, and tries again at the next call: nothing starts unconfined for that
 */
export function defaultAppArmorProfile(): Promise<string | undefined> {
  ready ??= loadDefaultProfile({
    enabled: "/sys/module/apparmor/parameters/enabled",
    loaded: "/sys/kernel/security/apparmor/profiles",
    parser: findProgram("apparmor_parser"),
  }).catch((error: unknown) => {
    ready = undefined;
    throw error;
  });
  return ready;
}

/** The same to show: a profile that could not be loaded is still the one that the next start asks for. */
export function shownAppArmorProfile(): Promise<string | undefined> {
  return defaultAppArmorProfile().catch(() => DEFAULT_PROFILE);
}
