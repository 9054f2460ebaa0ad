/** What happens within a container's namespace. All of it is synchronous: the thread is not at home meanwhile. */
import { addAddress, addRoute, deleteRoute, findLink, isErrno, linkUp, NetlinkSocket, setNetworkSysctl } from "#host";
import type { NetlinkRequest } from "#host";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { NetworkDriver } from "../drivers/driver.ts";
import { addressBytes, parseAddress } from "../ipam/address.ts";
import { parseCidr } from "../ipam/subnet.ts";
import { macRefused } from "../networkError.ts";
import type { NetworkRecord } from "../networkRecord.ts";
import type { LiveEndpoint } from "./sandboxRecord.ts";

const LOOPBACK_INDEX = 1;

/** A namespace that the thread is in. */
export interface Namespace {
  readonly socket: NetlinkSocket;
  readonly fd: number;
}

export function openLoopback({ socket }: Namespace): void {
  socket.request(linkUp(LOOPBACK_INDEX));
}

function bytesOf(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`an endpoint has the address ${text}`);
  return addressBytes(address);
}

/** One endpoint to be plugged in. */
export interface Plug {
  readonly network: NetworkRecord;
  readonly driver: NetworkDriver;
  readonly live: LiveEndpoint;
  readonly linkLocal: readonly string[];
}

/** Makes an interface with its addresses, up. */
export function plug(
  { socket, fd }: Namespace,
  dataplane: Dataplane,
  { network, driver, live, linkLocal }: Plug,
): void {
  const { interface: name, hostInterface, mac, ipv4, ipv6 } = live;
  try {
    dataplane.host.request(driver.interface(network, { name, hostName: hostInterface, mac, namespaceFd: fd }));
  } catch (error) {
    throw isErrno(error, "EADDRNOTAVAIL") ? macRefused(hostInterface, mac, error) : error;
  }
  driver.plugged(network, hostInterface);
  if (ipv6 === undefined) setNetworkSysctl(`ipv6/conf/${name}/disable_ipv6`, "1");
  const { index } = findLink(socket, name);
  const addresses = [ipv4, ipv6].filter((entry) => entry !== undefined);
  socket.request(
    ...addresses.map(({ address, prefixLength }) => addAddress({ index, address: bytesOf(address), prefixLength })),
    ...linkLocal.map((text) => linkLocalAddress(index, text)),
    linkUp(index),
  );
}

const LINK_LOCAL_BITS = { v4: 16, v6: 64 } as const;

/** `169.254.1.2` or `169.254.1.2/16`. */
function linkLocalAddress(index: number, text: string): NetlinkRequest {
  const parsed = parseCidr(text);
  if (parsed !== undefined) {
    return addAddress({ index, address: addressBytes(parsed.address), prefixLength: parsed.subnet.bits });
  }
  const prefixLength = text.includes(":") ? LINK_LOCAL_BITS.v6 : LINK_LOCAL_BITS.v4;
  return addAddress({ index, address: bytesOf(text), prefixLength });
}

/** Where a sandbox's packets leave, by family. */
export interface DefaultRoutes {
  readonly v4?: LiveEndpoint;
  readonly v6?: LiveEndpoint;
}

function route(socket: NetlinkSocket, live: LiveEndpoint, family: 4 | 6): Parameters<typeof addRoute>[0] | undefined {
  const gateway = (family === 4 ? live.ipv4 : live.ipv6)?.gateway ?? "";
  if (gateway === "") return undefined;
  return { index: findLink(socket, live.interface).index, gateway: bytesOf(gateway) };
}

/** Replaces the default routes where they changed. */
export function setDefaultRoutes({ socket }: Namespace, before: DefaultRoutes, after: DefaultRoutes): void {
  for (const family of [4, 6] as const) {
    const [old, now] = family === 4 ? [before.v4, after.v4] : [before.v6, after.v6];
    if (old?.id === now?.id) continue;
    if (old !== undefined) ignoring(["ESRCH", "ENODEV"], () => perform(socket, old, family, deleteRoute));
    if (now !== undefined) ignoring(["EEXIST"], () => perform(socket, now, family, addRoute));
  }
}

function perform(
  socket: NetlinkSocket,
  live: LiveEndpoint,
  family: 4 | 6,
  request: typeof addRoute | typeof deleteRoute,
): void {
  const known = route(socket, live, family);
  if (known !== undefined) socket.request(request(known));
}

function ignoring(names: readonly string[], work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!names.some((name) => isErrno(error, name))) throw error;
  }
}
