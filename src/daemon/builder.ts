import { createBuildkit } from "#buildkit";
import type { Buildkit } from "#buildkit";
import type { Engine, EngineConfig } from "#engine";
import { messageOf } from "#errors";
import { buildPlatforms } from "./buildPlatforms.ts";

/** BuildKit's release whose API is served, so that clients know what they may ask; the rest says whose builder it is. */
const BUILDKIT_VERSION = "v0.32.2+varve";

const WORKER = "org.mobyproject.buildkit.worker";

/** What `--add-host name:host-gateway` means: the client asks for it before it sends the build. */
function hostGateway(networks: Engine["backends"]["networks"]): Record<string, string> {
  try {
    const address = networks.inspect("bridge").IPAM.Config?.[0]?.Gateway;
    return address === undefined || address === "" ? {} : { [`${WORKER}.moby.host-gateway-ip`]: address };
  } catch {
    // A daemon without a default network: that one flag fails, in the client's words.
    return {};
  }
}

/**
 * BuildKit's API over an engine's builds; undefined for an engine without. The snapshotter's label tells clients that
 * images of several platforms, archives and exported caches can be made here.
 */
export async function createBuilder(engine: Engine, log: EngineConfig["log"]): Promise<Buildkit | undefined> {
  const { build, networks, system } = engine.backends;
  if (build === undefined) return undefined;
  const { ID: id, Driver: driver } = await system.info();
  return createBuildkit({
    builds: build,
    worker: {
      id: String(id),
      labels: () => ({ ...hostGateway(networks), [`${WORKER}.snapshotter`]: String(driver) }),
      platforms: buildPlatforms,
      version: BUILDKIT_VERSION,
    },
    onFailure: (method, error) => log("error", `${method}: ${messageOf(error)}`),
  });
}
