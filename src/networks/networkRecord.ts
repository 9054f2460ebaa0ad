import type { NetworkIpam, NetworkResource } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import { parseGoBoolean } from "#gotext";

export const DRIVERS = ["bridge", "host", "null", "macvlan", "ipvlan"] as const;
export type DriverName = (typeof DRIVERS)[number];

/** One subnet of a network, resolved: in the text forms of JSON. */
export interface NetworkPool {
  /** `172.18.0.0/16` */
  readonly subnet: string;
  readonly gateway: string;
  /** Where addresses come from; the whole subnet when absent. */
  readonly range?: string;
  readonly auxiliary: Readonly<Record<string, string>>;
}

/** A network as it is stored. */
export interface NetworkRecord {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly created: string;
  readonly scope: string;
  readonly driver: DriverName;
  /** Absent: true. */
  readonly enableIPv4?: boolean;
  readonly enableIPv6: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly configOnly: boolean;
  readonly configFrom: string;
  /** As inspect shows it: what the user gave, or what was chosen in its place. */
  readonly ipam: NetworkIpam;
  readonly pools: readonly NetworkPool[];
  /** True when the subnet was nobody's choice: only such a network may be moved to another. */
  readonly automatic: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** @throws {data_loss} when the text is no record of ours */
export function parseNetworkRecord(text: string): NetworkRecord {
  const value: unknown = JSON.parse(text);
  if (typeof value === "object" && value !== null && Reflect.get(value, "version") === 1) return value as NetworkRecord;
  throw new EngineError("data_loss", ErrorCode.METADATA_CORRUPT, "a network record has an unknown form");
}

/** Without its containers. */
export function toResource(record: NetworkRecord): NetworkResource {
  return {
    Name: record.name,
    Id: record.id,
    Created: record.created,
    Scope: record.scope,
    Driver: record.driver,
    EnableIPv4: record.enableIPv4 ?? true,
    EnableIPv6: record.enableIPv6,
    IPAM: record.ipam,
    Internal: record.internal,
    Attachable: record.attachable,
    Ingress: false,
    ConfigFrom: { Network: record.configFrom },
    ConfigOnly: record.configOnly,
    Containers: {},
    Options: record.options,
    Labels: record.labels,
  };
}

export const PREDEFINED: readonly string[] = ["bridge", "host", "none"];

export const isPredefined = (record: Pick<NetworkRecord, "name">): boolean => PREDEFINED.includes(record.name);

/** User-defined: with names in DNS, addresses on request, aliases. */
export const isUserDefined = (record: NetworkRecord): boolean => !isPredefined(record);

/** Options of the bridge driver by Docker's names. */
export const BRIDGE_OPTION = {
  name: "com.docker.network.bridge.name",
  isDefault: "com.docker.network.bridge.default_bridge",
  icc: "com.docker.network.bridge.enable_icc",
  masquerade: "com.docker.network.bridge.enable_ip_masquerade",
  inhibitIpv4: "com.docker.network.bridge.inhibit_ipv4",
  hostBinding: "com.docker.network.bridge.host_binding_ipv4",
  mtu: "com.docker.network.driver.mtu",
  prefix: "com.docker.network.container_iface_prefix",
} as const;

const ID_DIGITS_IN_NAME = 12;

/** What a bridge network's options mean, with Docker's defaults. */
export interface BridgeSettings {
  readonly bridge: string;
  readonly icc: boolean;
  readonly masquerade: boolean;
  readonly inhibitIpv4: boolean;
  /** The address that ports are published on when none is named. */
  readonly hostBinding: string;
  readonly mtu: number;
  readonly interfacePrefix: string;
}

const DEFAULT_MTU = 1500;

export function bridgeSettings({ id, options }: NetworkRecord): BridgeSettings {
  const flag = (key: string, fallback: boolean): boolean => parseGoBoolean(options[key] ?? "") ?? fallback;
  return {
    bridge: options[BRIDGE_OPTION.name] || `br-${id.slice(0, ID_DIGITS_IN_NAME)}`,
    icc: flag(BRIDGE_OPTION.icc, true),
    masquerade: flag(BRIDGE_OPTION.masquerade, true),
    inhibitIpv4: flag(BRIDGE_OPTION.inhibitIpv4, false),
    hostBinding: options[BRIDGE_OPTION.hostBinding] || "0.0.0.0",
    mtu: Number(options[BRIDGE_OPTION.mtu] ?? 0) || DEFAULT_MTU,
    interfacePrefix: options[BRIDGE_OPTION.prefix] || "eth",
  };
}
