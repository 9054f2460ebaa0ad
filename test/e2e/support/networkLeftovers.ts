import { createHash } from "node:crypto";
import { run } from "./process.ts";
import type { Ran } from "./process.ts";

/** Cleaning up must not fail a test on a host that lacks a program. */
async function attempt(file: string, args: readonly string[]): Promise<Ran | undefined> {
  return run(file, args).catch(() => undefined);
}

/**
 * Takes away what a daemon that was killed, and is not started again, left on the host: its nft table and the bridges in it.
 * One that was stopped in peace took them away itself.
 */
export async function removeNetworkLeftovers(dataRoot: string): Promise<void> {
  const table = `varve_${createHash("sha256").update(dataRoot).digest("hex").slice(0, 8)}`;
  const listed = await attempt("nft", ["list", "set", "inet", table, "bridges"]);
  if (listed?.code !== 0) return;
  await attempt("nft", ["delete", "table", "inet", table]);
  for (const [, bridge = ""] of listed.stdout.matchAll(/"([^"]+)"/g)) {
    await attempt("ip", ["link", "delete", bridge]);
    for (const direction of ["-i", "-o"])
      await attempt("iptables", ["-D", "FORWARD", direction, bridge, "-j", "ACCEPT"]);
  }
}
