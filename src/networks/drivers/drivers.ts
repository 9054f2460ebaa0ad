import type { Dataplane } from "../dataplane/dataplane.ts";
import type { DriverName, NetworkRecord } from "../networkRecord.ts";
import { BridgeDriver } from "./bridge.ts";
import type { NetworkDriver } from "./driver.ts";
import { SharedLinkDriver } from "./sharedLink.ts";

/** The driver of a network; undefined for the host's and the null network, which have nothing to make. */
export type Drivers = (name: DriverName) => NetworkDriver | undefined;

export function createDrivers(dataplane: Dataplane, networks: () => Iterable<NetworkRecord>): Drivers {
  const drivers: Readonly<Partial<Record<DriverName, NetworkDriver>>> = {
    bridge: new BridgeDriver(dataplane, networks),
    macvlan: new SharedLinkDriver("macvlan", dataplane, networks),
    ipvlan: new SharedLinkDriver("ipvlan", dataplane, networks),
  };
  return (name) => drivers[name];
}
