import { newVeth } from "#host";
import type { NetlinkRequest } from "#host";
import { parseCidr } from "../ipam/subnet.ts";
import type { BridgePlan, Dataplane } from "../dataplane/dataplane.ts";
import { macOf } from "../macAddress.ts";
import { forbidden } from "../networkError.ts";
import { bridgeSettings } from "../networkRecord.ts";
import type { NetworkRecord } from "../networkRecord.ts";
import type { InterfaceRequest, NetworkDriver } from "./driver.ts";

export function bridgePlan(network: NetworkRecord): BridgePlan {
  const { bridge, icc, masquerade, inhibitIpv4, mtu } = bridgeSettings(network);
  const addresses = network.pools
    .filter(({ gateway }) => !(inhibitIpv4 && !gateway.includes(":")))
    .map(({ subnet, gateway }) => ({ address: gateway, prefixLength: parseCidr(subnet)?.subnet.bits ?? 0 }));
  const gateway = network.pools.find(({ subnet }) => !subnet.includes(":"))?.gateway;
  return {
    rules: {
      bridge,
      subnets: network.pools.map(({ subnet }) => subnet),
      internal: network.internal,
      icc,
      masquerade,
    },
    mtu,
    mac: macOf(gateway),
    addresses,
    ipv6: network.enableIPv6,
  };
}

/** A bridge of the host, with a veth pair to each container. */
export class BridgeDriver implements NetworkDriver {
  readonly hasHostInterface = true;
  readonly #dataplane: Dataplane;
  readonly #others: () => Iterable<NetworkRecord>;

  constructor(dataplane: Dataplane, others: () => Iterable<NetworkRecord>) {
    this.#dataplane = dataplane;
    this.#others = others;
  }

  check(network: NetworkRecord): void {
    for (const family of [4, 6]) {
      const of = network.pools.filter(({ subnet }) => subnet.includes(":") === (family === 6));
      if (of.length > 1) throw forbidden("bridge driver doesn't support multiple subnets");
    }
    const { bridge } = bridgeSettings(network);
    for (const other of this.#others()) {
      if (other.driver !== "bridge" || other.configOnly || bridgeSettings(other).bridge !== bridge) continue;
      throw forbidden(
        `cannot create network ${network.id} (${bridge}): conflicts with network ${other.id} (${bridge}): networks have same bridge name`,
      );
    }
  }

  open(network: NetworkRecord): void {
    this.#dataplane.openBridge(bridgePlan(network));
  }

  remove(network: NetworkRecord): Promise<void> {
    return this.#dataplane.removeBridge(bridgeSettings(network).bridge);
  }

  interface(network: NetworkRecord, request: InterfaceRequest): NetlinkRequest {
    const { bridge, mtu } = bridgeSettings(network);
    const { name, hostName, mac, namespaceFd } = request;
    const link = this.#dataplane.findLink(bridge);
    if (link === undefined) throw new Error(`bridge ${bridge} is gone`);
    return newVeth({ name: hostName, bridge: link.index, mtu, peer: { name, mac, namespaceFd } });
  }

  plugged(network: NetworkRecord, hostName: string): void {
    const link = this.#dataplane.findLink(hostName);
    if (link !== undefined) this.#dataplane.setPort(link.index, !bridgeSettings(network).icc);
  }

  hasGateway({ internal, pools }: NetworkRecord): boolean {
    return !internal && pools.length > 0;
  }
}
