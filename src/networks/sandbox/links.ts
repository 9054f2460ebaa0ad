/**
 * Links where containers of the default network do not reach each other otherwise (`icc` is false): their bridge passes no
 * frame from one to the other, so both send by way of the host, whose packet filter knows what is linked.
 */
import { addRoute, findLink, isErrno, setNetworkSysctl } from "#host";
import type { LinkRule } from "../dataplane/ruleset.ts";
import { addressBytes, parseAddress } from "../ipam/address.ts";
import { bridgeSettings } from "../networkRecord.ts";
import type { SandboxFacts } from "../networkService.ts";
import { parseContainerPort } from "../ports/portRequests.ts";
import type { SandboxContext } from "./context.ts";
import type { Namespace } from "./interfaces.ts";
import type { LiveEndpoint, SandboxRecord } from "./sandboxRecord.ts";

const DEFAULT_NETWORK = "bridge";
const V4_BITS = 32;

type Within = (sandbox: SandboxRecord, work: (namespace: Namespace) => void) => void;

const liveOn = (sandbox: SandboxRecord): LiveEndpoint | undefined =>
  sandbox.endpoints.find(({ name }) => name === DEFAULT_NETWORK)?.live;

function bytesOf(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`an endpoint has the address ${text}`);
  return addressBytes(address);
}

/** From now on packets for one address of the own subnet leave through the gateway. */
function routeTo({ socket }: Namespace, { interface: name, ipv4 }: LiveEndpoint, address: string): void {
  // The host says that there is a shorter way: there is not.
  for (const place of ["all", name]) setNetworkSysctl(`ipv4/conf/${place}/accept_redirects`, "0");
  const destination = { address: bytesOf(address), prefixLength: V4_BITS };
  const { index } = findLink(socket, name);
  try {
    socket.request(addRoute({ index, destination, gateway: bytesOf(ipv4?.gateway ?? "") }));
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

/** What a linked container exposes, to the one that names it. */
function rulesOf(linked: SandboxRecord, from: string, to: string): readonly LinkRule[] {
  return Object.keys(linked.ports.shown).flatMap((name) => {
    const { protocol, containerPort: port } = parseContainerPort(name);
    return protocol === "icmp" || protocol === "0" ? [] : [{ protocol, from, to, port }];
  });
}

/** Opens the way to the containers that an open sandbox links to. Idempotent. */
export function openLinks(context: SandboxContext, facts: SandboxFacts, within: Within): void {
  const { networks, store, dataplane } = context;
  const network = networks.byName(DEFAULT_NETWORK);
  const sandbox = store.get(facts.containerId);
  if (facts.links.length === 0 || network === undefined || sandbox === undefined || bridgeSettings(network).icc) return;
  const own = liveOn(sandbox);
  for (const { containerId } of facts.links) {
    const linked = store.get(containerId);
    const other = linked === undefined ? undefined : liveOn(linked);
    if (linked?.open !== true || own?.ipv4 === undefined || other?.ipv4 === undefined) continue;
    const [from, to] = [own.ipv4.address, other.ipv4.address];
    within(sandbox, (namespace) => routeTo(namespace, own, to));
    within(linked, (namespace) => routeTo(namespace, other, from));
    dataplane.link(rulesOf(linked, from, to));
  }
}
