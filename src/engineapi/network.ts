/** Networks on the wire (spec definitions Network, EndpointSettings, IPAM, PortBinding of docker-engine-api v1.45). */

/** One address pool of a network; absent fields were not given. */
export interface IpamPool {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
}

export interface NetworkIpam {
  readonly Driver: string;
  readonly Options: Readonly<Record<string, string>> | null;
  /** null: the network has no addresses. */
  readonly Config: readonly IpamPool[] | null;
}

/** A container on a network, as `GET /networks/{id}` shows it; addresses in CIDR form. */
export interface NetworkMember {
  readonly Name: string;
  readonly EndpointID: string;
  readonly MacAddress: string;
  readonly IPv4Address: string;
  readonly IPv6Address: string;
}

/** A network as the API shows it. `Containers` by container id: empty in lists, as in Docker. */
export interface NetworkResource {
  readonly Name: string;
  readonly Id: string;
  readonly Created: string;
  readonly Scope: string;
  readonly Driver: string;
  /** Told since API 1.48. */
  readonly EnableIPv4: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: NetworkIpam;
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigFrom: { readonly Network: string };
  readonly ConfigOnly: boolean;
  readonly Containers: Readonly<Record<string, NetworkMember>>;
  readonly Options: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
}

/** What a user asks of one endpoint (`EndpointsConfig` values, `POST /networks/{id}/connect`). */
export interface EndpointConfig {
  readonly IPAMConfig?: {
    readonly IPv4Address?: string;
    readonly IPv6Address?: string;
    readonly LinkLocalIPs?: readonly string[];
  } | null;
  /** `container:alias` */
  readonly Links?: readonly string[] | null;
  readonly Aliases?: readonly string[] | null;
  readonly MacAddress?: string;
  readonly DriverOpts?: Readonly<Record<string, string>> | null;
  readonly GwPriority?: number;
}

/** An endpoint as inspect shows it: what was asked, and what it got. */
export interface EndpointSettings {
  readonly IPAMConfig: EndpointConfig["IPAMConfig"];
  readonly Links: readonly string[] | null;
  readonly Aliases: readonly string[] | null;
  readonly MacAddress: string;
  readonly DriverOpts: Readonly<Record<string, string>> | null;
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly DNSNames: readonly string[] | null;
  /** Told since API 1.48. */
  readonly GwPriority: number;
}

export interface PortBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** `80/tcp` → where it is published; null: exposed only. */
export type PortMap = Readonly<Record<string, readonly PortBinding[] | null>>;

/** A row of `Ports` in `GET /containers/json`. */
export interface PortRow {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}
