/** The newest Engine API that this client speaks; also what `varve version` shows. */
export const CLIENT_API_VERSION = "1.50";
/** The version of a daemon that does not name one (before 1.25). */
export const FALLBACK_API_VERSION = "1.24";

const VERSION = /^(\d+)\.(\d+)$/;

/** Negative when a is older than b, positive when newer. Anything that is no `major.minor` counts as oldest. */
export function compareApiVersions(a: string, b: string): number {
  const [, majorA = "0", minorA = "0"] = VERSION.exec(a) ?? [];
  const [, majorB = "0", minorB = "0"] = VERSION.exec(b) ?? [];
  return Number(majorA) - Number(majorB) || Number(minorA) - Number(minorB);
}

/** The version both sides speak: the older one. */
export function negotiate(daemonVersion: string | undefined): string {
  if (daemonVersion === undefined || !VERSION.test(daemonVersion)) return FALLBACK_API_VERSION;
  return compareApiVersions(daemonVersion, CLIENT_API_VERSION) < 0 ? daemonVersion : CLIENT_API_VERSION;
}
