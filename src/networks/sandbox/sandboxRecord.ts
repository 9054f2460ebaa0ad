import type { EndpointConfig, PortMap } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import type { PublishedPort } from "../dataplane/ruleset.ts";

/** An address that an endpoint has, text forms. */
export interface EndpointAddress {
  readonly address: string;
  readonly prefixLength: number;
  /** Empty: the network leads nowhere. */
  readonly gateway: string;
}

/** What an endpoint has while its sandbox is open. */
export interface LiveEndpoint {
  readonly id: string;
  /** Within the container; empty on the host's and the null network. */
  readonly interface: string;
  /** The veth's other end on the host; empty where there is none. */
  readonly hostInterface: string;
  readonly mac: string;
  readonly ipv4?: EndpointAddress;
  readonly ipv6?: EndpointAddress;
}

/** What a container has of one network: what it shall have, and what it has. */
export interface Endpoint {
  /** Key of `Networks` in inspect. */
  readonly name: string;
  /** Empty until the network was found. */
  readonly networkId: string;
  readonly config: EndpointConfig;
  /** Names that the network's containers find it by; null on the predefined ones. */
  readonly dnsNames: readonly string[] | null;
  readonly live?: LiveEndpoint;
}

/** Ports of an open sandbox: as inspect shows them, and as the packet filter has them. */
export interface SandboxPorts {
  readonly shown: PortMap;
  readonly rules: readonly PublishedPort[];
}

/** What DNS of a sandbox needs to know when the daemon comes back. */
export interface SandboxDns {
  /** `HostConfig.Dns` */
  readonly servers: readonly string[];
  /** The user's own options set ndots above 0. */
  readonly keepsSingleLabels: boolean;
}

/** A sandbox as it is stored, by container. */
export interface SandboxRecord {
  readonly version: 1;
  readonly containerId: string;
  readonly containerName: string;
  readonly hostname: string;
  /** Of the last run; empty before the first. */
  readonly id: string;
  readonly open: boolean;
  readonly mode: string;
  readonly endpoints: readonly Endpoint[];
  readonly ports: SandboxPorts;
  readonly dns: SandboxDns;
  /** How many interfaces were made with each prefix: names are not used again within a run. */
  readonly interfaces: Readonly<Record<string, number>>;
  readonly hostsFile: string;
  readonly resolvConfFile: string;
  readonly isQuiet?: boolean;
  /** What we wrote last: a file that was edited since is left alone. */
  readonly resolvConf: string;
}

export const NO_PORTS: SandboxPorts = { shown: {}, rules: [] };

/** @throws {data_loss} when the text is no record of ours */
export function parseSandboxRecord(text: string): SandboxRecord {
  const value: unknown = JSON.parse(text);
  if (typeof value === "object" && value !== null && Reflect.get(value, "version") === 1) return value as SandboxRecord;
  throw new EngineError("data_loss", ErrorCode.METADATA_CORRUPT, "a sandbox record has an unknown form");
}
