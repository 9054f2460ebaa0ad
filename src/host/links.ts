/**
 * Network interfaces, addresses and routes as rtnetlink requests (rtnetlink(7)). Data only: a `NetlinkSocket` of the
 * right namespace performs them.
 */
import { FAMILY, IFA, IFF_UP, IFLA, NETLINK, NLA_F_NESTED, ROUTE, RTA, RTM } from "./constants.ts";
import { attribute, parseAttributes, u16, u32 } from "./netlink.ts";
import type { NetlinkRequest, NetlinkSocket } from "./netlink.ts";

const NEW = NETLINK.CREATE | NETLINK.EXCL;
const IFINFO_BYTES = 16;
const RTMSG_BYTES = 12;
const IFADDR_BYTES = 8;

/** struct ifinfomsg: u8 family, u8, u16 type, i32 index, u32 flags, u32 change. */
function linkHeader(index: number, up = false, family = 0): Buffer {
  const bytes = Buffer.alloc(IFINFO_BYTES);
  bytes.writeUInt8(family, 0);
  bytes.writeInt32LE(index, 4);
  if (up) {
    bytes.writeUInt32LE(IFF_UP, 8);
    bytes.writeUInt32LE(IFF_UP, 12);
  }
  return bytes;
}

const ETHERNET_BYTES = 6;

/** A card takes as many bytes as it has; longer addresses are cut, as the kernel cuts them. */
const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(":", ""), "hex").subarray(0, ETHERNET_BYTES);

function link(about: string, flags: number, ...parts: readonly Buffer[]): NetlinkRequest {
  return { type: RTM.NEWLINK, flags, body: Buffer.concat(parts), about };
}

/** A bridge, down. */
export function newBridge(
  name: string,
  options: { readonly mac?: string; readonly mtu?: number } = {},
): NetlinkRequest {
  return link(
    `create bridge ${name}`,
    NEW,
    linkHeader(0),
    attribute(IFLA.IFNAME, name),
    ...(options.mac === undefined ? [] : [attribute(IFLA.ADDRESS, macBytes(options.mac))]),
    ...(options.mtu === undefined ? [] : [attribute(IFLA.MTU, u32(options.mtu))]),
    attribute(IFLA.LINKINFO, [attribute(IFLA.INFO_KIND, "bridge")]),
  );
}

/** A pair of which one end is on a bridge and up, the other in another namespace and down. */
export function newVeth(veth: {
  readonly name: string;
  readonly bridge: number;
  readonly mtu: number;
  readonly peer: { readonly name: string; readonly mac: string; readonly namespaceFd: number };
}): NetlinkRequest {
  const { name, bridge, mtu, peer } = veth;
  return link(
    `create veth ${name}`,
    NEW,
    linkHeader(0, true),
    attribute(IFLA.IFNAME, name),
    attribute(IFLA.MTU, u32(mtu)),
    attribute(IFLA.MASTER, u32(bridge)),
    attribute(IFLA.LINKINFO, [
      attribute(IFLA.INFO_KIND, "veth"),
      attribute(IFLA.INFO_DATA, [
        attribute(IFLA.VETH_PEER, [
          linkHeader(0),
          attribute(IFLA.IFNAME, peer.name),
          attribute(IFLA.MTU, u32(mtu)),
          attribute(IFLA.ADDRESS, macBytes(peer.mac)),
          attribute(IFLA.NET_NS_FD, u32(peer.namespaceFd)),
        ]),
      ]),
    ]),
  );
}

/** An interface that shares another one's wire. */
export interface SharedLink {
  readonly kind: "macvlan" | "ipvlan";
  readonly name: string;
  /** The interface below. */
  readonly parent: number;
  /** linux/if_link.h: enum macvlan_mode, or enum ipvlan_mode. */
  readonly mode: number;
  /** IPVLAN_F_PRIVATE, IPVLAN_F_VEPA */
  readonly flags?: number;
  readonly mac?: string;
  readonly namespaceFd: number;
}

export function newSharedLink(shared: SharedLink): NetlinkRequest {
  const { kind, name, parent, mode, flags, mac, namespaceFd } = shared;
  const data =
    kind === "macvlan"
      ? [attribute(IFLA.MACVLAN_MODE, u32(mode))]
      : [attribute(IFLA.IPVLAN_MODE, u16(mode)), attribute(IFLA.IPVLAN_FLAGS, u16(flags ?? 0))];
  return link(
    `failed to create the ${kind} port`,
    NEW,
    linkHeader(0),
    attribute(IFLA.IFNAME, name),
    attribute(IFLA.LINK, u32(parent)),
    ...(mac === undefined ? [] : [attribute(IFLA.ADDRESS, macBytes(mac))]),
    attribute(IFLA.NET_NS_FD, u32(namespaceFd)),
    attribute(IFLA.LINKINFO, [attribute(IFLA.INFO_KIND, kind), attribute(IFLA.INFO_DATA, data)]),
  );
}

/** Tagged frames of another interface. */
export function newVlan(vlan: { readonly name: string; readonly parent: number; readonly id: number }): NetlinkRequest {
  return link(
    `create vlan ${vlan.name}`,
    NEW,
    linkHeader(0, true),
    attribute(IFLA.IFNAME, vlan.name),
    attribute(IFLA.LINK, u32(vlan.parent)),
    attribute(IFLA.LINKINFO, [
      attribute(IFLA.INFO_KIND, "vlan"),
      attribute(IFLA.INFO_DATA, [attribute(IFLA.VLAN_ID, u16(vlan.id))]),
    ]),
  );
}

/** An interface that only answers to itself: what macvlan and ipvlan use when no parent is named. */
export function newDummy(name: string): NetlinkRequest {
  return link(
    `create dummy ${name}`,
    NEW,
    linkHeader(0, true),
    attribute(IFLA.IFNAME, name),
    attribute(IFLA.LINKINFO, [attribute(IFLA.INFO_KIND, "dummy")]),
  );
}

/** Takes an interface from its bridge: nothing reaches it any more, at once. */
export function leaveBridge(index: number): NetlinkRequest {
  return link(`take link ${index} from its bridge`, 0, linkHeader(index), attribute(IFLA.MASTER, u32(0)));
}

export function linkUp(index: number): NetlinkRequest {
  return link(`set link ${index} up`, 0, linkHeader(index, true));
}

/** Slow: see `NetlinkSocket.requestSlowly`. */
export function deleteLink(name: string): NetlinkRequest {
  const body = Buffer.concat([linkHeader(0), attribute(IFLA.IFNAME, name)]);
  return { type: RTM.DELLINK, flags: 0, body, about: `delete link ${name}` };
}

/** How a bridge treats one of its ports. `hairpin`: frames may go back where they came from; `isolated`: no frames to other isolated ports. */
export function bridgePort(
  index: number,
  { hairpin, isolated }: { readonly hairpin: boolean; readonly isolated: boolean },
): NetlinkRequest {
  const settings = [
    attribute(IFLA.BRPORT_MODE, Buffer.of(hairpin ? 1 : 0)),
    ...(isolated ? [attribute(IFLA.BRPORT_ISOLATED, Buffer.of(1))] : []),
  ];
  const body = Buffer.concat([
    linkHeader(index, false, FAMILY.BRIDGE),
    attribute(IFLA.PROTINFO | NLA_F_NESTED, settings),
  ]);
  return { type: RTM.SETLINK, flags: 0, body, about: `set bridge port ${index}` };
}

/** An address of an interface, 4 or 16 bytes in network order. */
export interface LinkAddress {
  readonly index: number;
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

const familyOf = (address: Uint8Array): number => (address.length === 4 ? FAMILY.INET : FAMILY.INET6);

/** struct ifaddrmsg: u8 family, u8 prefix, u8 flags, u8 scope, u32 index. */
function addressBody({ index, address, prefixLength }: LinkAddress, broadcast: boolean): Buffer {
  const v6 = address.length !== 4;
  const header = Buffer.alloc(8);
  header.writeUInt8(familyOf(address), 0);
  header.writeUInt8(prefixLength, 1);
  header.writeUInt8(v6 ? IFA.FLAG_NODAD : 0, 2);
  header.writeUInt32LE(index, 4);
  const parts = [header, attribute(IFA.LOCAL, address), attribute(IFA.ADDRESS, address)];
  if (broadcast && !v6) parts.push(attribute(IFA.BROADCAST, broadcastOf(address, prefixLength)));
  return Buffer.concat(parts);
}

function broadcastOf(address: Uint8Array, prefixLength: number): Uint8Array {
  return address.map((byte, index) => {
    const hostBits = Math.min(8, Math.max(0, 8 * (index + 1) - prefixLength));
    return byte | (2 ** hostBits - 1);
  });
}

/** Adds an address with its broadcast address; IPv6 without the second that duplicate detection would take. */
export function addAddress(address: LinkAddress): NetlinkRequest {
  return {
    type: RTM.NEWADDR,
    flags: NEW,
    body: addressBody(address, true),
    about: `add address to link ${address.index}`,
  };
}

/** A route over an interface: through a gateway, or to a link of its own. `destination` absent: the default route. */
export interface LinkRoute {
  readonly index: number;
  readonly destination?: { readonly address: Uint8Array; readonly prefixLength: number };
  readonly gateway?: Uint8Array;
  /** 4 or 6, for a default route without gateway. */
  readonly family?: 4 | 6;
}

/** struct rtmsg: u8 family, dst_len, src_len, tos, table, protocol, scope, type, u32 flags. */
function routeBody({ index, destination, gateway, family }: LinkRoute): Buffer {
  const header = Buffer.alloc(RTMSG_BYTES);
  const sample = gateway ?? destination?.address;
  header.writeUInt8(sample === undefined ? (family === 6 ? FAMILY.INET6 : FAMILY.INET) : familyOf(sample), 0);
  header.writeUInt8(destination?.prefixLength ?? 0, 1);
  header.writeUInt8(ROUTE.TABLE_MAIN, 4);
  header.writeUInt8(ROUTE.PROTOCOL_BOOT, 5);
  header.writeUInt8(gateway === undefined ? ROUTE.SCOPE_LINK : ROUTE.SCOPE_UNIVERSE, 6);
  header.writeUInt8(ROUTE.UNICAST, 7);
  return Buffer.concat([
    header,
    ...(destination === undefined ? [] : [attribute(RTA.DST, destination.address)]),
    ...(gateway === undefined ? [] : [attribute(RTA.GATEWAY, gateway)]),
    attribute(RTA.OIF, u32(index)),
  ]);
}

export function addRoute(route: LinkRoute): NetlinkRequest {
  return { type: RTM.NEWROUTE, flags: NEW, body: routeBody(route), about: `add route over link ${route.index}` };
}

export function deleteRoute(route: LinkRoute): NetlinkRequest {
  return { type: RTM.DELROUTE, flags: 0, body: routeBody(route), about: `delete route over link ${route.index}` };
}

/** What is known of an interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  /** Index of its bridge, if it has one. */
  readonly master?: number;
  /** `bridge`, `veth`, …; absent for a real one. */
  readonly kind?: string;
}

const textOf = (bytes: Buffer | undefined): string | undefined => bytes?.toString("utf8").replace(/\0.*$/s, "");

function parseLink(payload: Buffer): Link {
  const attributes = parseAttributes(payload.subarray(IFINFO_BYTES));
  const info = attributes.get(IFLA.LINKINFO);
  const kind = info === undefined ? undefined : textOf(parseAttributes(info).get(IFLA.INFO_KIND));
  const master = attributes.get(IFLA.MASTER)?.readUInt32LE(0);
  return {
    index: payload.readInt32LE(4),
    name: textOf(attributes.get(IFLA.IFNAME)) ?? "",
    up: (payload.readUInt32LE(8) & IFF_UP) !== 0,
    mtu: attributes.get(IFLA.MTU)?.readUInt32LE(0) ?? 0,
    ...(master === undefined ? {} : { master }),
    ...(kind === undefined ? {} : { kind }),
  };
}

/** The interface of that name. @throws {internal} errno ENODEV when there is none */
export function findLink(socket: NetlinkSocket, name: string): Link {
  const body = Buffer.concat([linkHeader(0), attribute(IFLA.IFNAME, name)]);
  const [payload] = socket.query({ type: RTM.GETLINK, flags: 0, body, about: `find link ${name}` });
  if (payload === undefined) throw new Error(`the kernel said nothing of link ${name}`);
  return parseLink(payload);
}

export function listLinks(socket: NetlinkSocket): readonly Link[] {
  const request = { type: RTM.GETLINK, flags: NETLINK.DUMP, body: linkHeader(0), about: "list links" };
  return socket.query(request).map(parseLink);
}

/** The addresses of an interface. */
export function listAddresses(socket: NetlinkSocket, index: number): readonly LinkAddress[] {
  const request = { type: RTM.GETADDR, flags: NETLINK.DUMP, body: Buffer.alloc(IFADDR_BYTES), about: "list addresses" };
  return socket.query(request).flatMap((payload) => {
    if (payload.readUInt32LE(4) !== index) return [];
    const attributes = parseAttributes(payload.subarray(IFADDR_BYTES));
    const address = attributes.get(IFA.LOCAL) ?? attributes.get(IFA.ADDRESS);
    return address === undefined ? [] : [{ index, address, prefixLength: payload.readUInt8(1) }];
  });
}

/** Where a route of the main table leads to; the default route has no bits. */
export interface HostRoute {
  /** 4 or 16 bytes in network order. */
  readonly address: Uint8Array;
  readonly prefixLength: number;
  /** Index of the interface. */
  readonly link?: number;
}

/** Routes of all tables but the local one (multicast and loopback are no one's networks). */
export function listRoutes(socket: NetlinkSocket, family: 4 | 6): readonly HostRoute[] {
  const header = Buffer.alloc(RTMSG_BYTES);
  header.writeUInt8(family === 4 ? FAMILY.INET : FAMILY.INET6, 0);
  const payloads = socket.query({ type: RTM.GETROUTE, flags: NETLINK.DUMP, body: header, about: "list routes" });
  return payloads
    .filter((payload) => payload.readUInt8(7) === ROUTE.UNICAST)
    .map((payload) => {
      const attributes = parseAttributes(payload.subarray(RTMSG_BYTES));
      const link = attributes.get(RTA.OIF)?.readUInt32LE(0);
      return {
        address: attributes.get(RTA.DST) ?? Buffer.alloc(family === 4 ? 4 : 16),
        prefixLength: payload.readUInt8(1),
        ...(link === undefined ? {} : { link }),
      };
    });
}
