import type { EngineClient } from "#client";
import type { CreateBody } from "../options/createBody.ts";

/** Flags that an older daemon would not understand. */
const FLAG_VERSIONS: Readonly<Record<string, string>> = {
  annotation: "1.43",
  cgroupns: "1.41",
  gpus: "1.40",
  "health-start-interval": "1.44",
  "health-start-period": "1.29",
  platform: "1.32",
};

/** @throws {failed_precondition} `"--gpus" requires API version 1.40, but …`. */
export async function requireFlagVersions(client: EngineClient, given: ReadonlySet<string>): Promise<void> {
  for (const [name, version] of Object.entries(FLAG_VERSIONS)) {
    if (given.has(name)) await client.requireApiVersion(version, `--${name}`);
  }
}

/** @throws {failed_precondition} when the body says what this daemon's API cannot take. */
export async function requireBodyVersion(client: EngineClient, body: CreateBody): Promise<void> {
  const hasMac = Object.values(body.NetworkingConfig.EndpointsConfig).some(({ MacAddress }) => MacAddress !== "");
  if (hasMac) await client.requireApiVersion("1.44", "specify mac-address per network");
}
