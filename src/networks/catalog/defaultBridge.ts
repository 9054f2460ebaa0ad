import { formatSubnet, overlaps, parseCidr } from "../ipam/subnet.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { NetworkDefaults } from "../networkDefaults.ts";
import { BRIDGE_OPTION, bridgeSettings } from "../networkRecord.ts";
import type { NetworkRecord } from "../networkRecord.ts";
import type { Addressing } from "./addressing.ts";
import type { NetworkIndex } from "./networkIndex.ts";

/** Its bridge's name, and what an administrator set of it. */
export interface DefaultBridgeOptions {
  readonly bridge: string;
  readonly defaults: NetworkDefaults;
}

const NAME = "bridge";

/**
 * The network of containers that name none. Its bridge is made when a container first needs it; until then it holds no subnet
 * of the host, and takes another one should somebody have come by it meanwhile.
 */
export class DefaultBridge {
  readonly #networks: NetworkIndex;
  readonly #addressing: Addressing;
  readonly #dataplane: Dataplane;
  readonly #options: DefaultBridgeOptions;

  constructor(
    rooms: { readonly networks: NetworkIndex; readonly addressing: Addressing; readonly dataplane: Dataplane },
    options: DefaultBridgeOptions,
  ) {
    this.#networks = rooms.networks;
    this.#addressing = rooms.addressing;
    this.#dataplane = rooms.dataplane;
    this.#options = options;
  }

  get record(): NetworkRecord {
    return this.#networks.get(NAME);
  }

  /** The record as it shall be at the daemon's start: options are the administrator's of today. */
  settle(known: NetworkRecord | undefined, fresh: () => Pick<NetworkRecord, "id" | "created">): void {
    const { bridge, defaults } = this.#options;
    const { mtu, icc, masquerade, publishAddress } = defaults;
    const options = {
      [BRIDGE_OPTION.isDefault]: "true",
      [BRIDGE_OPTION.icc]: String(icc),
      [BRIDGE_OPTION.masquerade]: String(masquerade),
      [BRIDGE_OPTION.hostBinding]: publishAddress,
      [BRIDGE_OPTION.name]: bridge,
      [BRIDGE_OPTION.mtu]: String(mtu),
    };
    if (known !== undefined && this.#fits(known)) {
      this.#networks.put({ ...known, options, enableIPv6: defaults.subnetV6 !== undefined });
      this.#addressing.restore(known);
      return;
    }
    const base = known ?? { ...fresh() };
    this.#networks.put(this.#elect({ ...TEMPLATE, ...base, options, pools: [] }));
  }

  #fits({ pools, automatic }: NetworkRecord): boolean {
    const { address, range, subnetV6 } = this.#options.defaults;
    const v6 = pools.find(({ subnet }) => isV6(subnet))?.subnet;
    if (v6 !== (subnetV6 === undefined ? undefined : subnetText(subnetV6))) return false;
    if (address === undefined) return automatic;
    const pool = pools.find(({ subnet }) => !isV6(subnet));
    return !automatic && pool !== undefined && sameBlock(pool.subnet, address) && pool.range === range;
  }

  /** Chooses the subnet. */
  #elect(record: NetworkRecord): NetworkRecord {
    const { address, range, subnetV6 } = this.#options.defaults;
    const wanted = address === undefined ? undefined : parseCidr(address);
    const named =
      wanted === undefined || address === undefined
        ? []
        : [
            {
              Subnet: subnetText(address),
              Gateway: address.replace(/\/.*$/, ""),
              ...(range === undefined ? {} : { IPRange: range }),
            },
          ];
    const v6 = subnetV6 === undefined ? [] : [{ Subnet: subnetText(subnetV6) }];
    const { pools, shown } = this.#addressing.plan(record.id, [...named, ...v6], [4]);
    const Config = [...shown].sort((one, other) => Number(isV6(one.Subnet)) - Number(isV6(other.Subnet)));
    return {
      ...record,
      pools: [...pools].sort((one, other) => Number(isV6(one.subnet)) - Number(isV6(other.subnet))),
      enableIPv6: subnetV6 !== undefined,
      automatic: address === undefined,
      ipam: { Driver: "default", Options: null, Config },
    };
  }

  /** The network with a subnet that the host has free, before its bridge is made. */
  open(): NetworkRecord {
    const { record } = this;
    const { bridge } = bridgeSettings(record);
    if (!record.automatic || this.#dataplane.hasBridge(bridge) || !this.#isTaken(record, bridge)) return record;
    this.#addressing.release(record);
    const moved = this.#elect(record);
    this.#networks.put(moved);
    return moved;
  }

  #isTaken({ pools }: NetworkRecord, bridge: string): boolean {
    const others = this.#dataplane.hostSubnets(4, bridge);
    return pools.some(({ subnet }) => {
      const own = parseCidr(subnet)?.subnet;
      return own !== undefined && others.some((other) => overlaps(own, other));
    });
  }
}

const TEMPLATE = {
  version: 1,
  name: NAME,
  scope: "local",
  driver: "bridge",
  enableIPv6: false,
  internal: false,
  attachable: false,
  configOnly: false,
  configFrom: "",
  ipam: { Driver: "default", Options: null, Config: null },
  automatic: true,
  labels: {},
} as const;

const isV6 = (subnet: string | undefined): boolean => subnet?.includes(":") === true;

function subnetText(address: string): string {
  const parsed = parseCidr(address);
  return parsed === undefined ? address : formatSubnet(parsed.subnet);
}

const sameBlock = (subnet: string, address: string): boolean => subnet === subnetText(address);
