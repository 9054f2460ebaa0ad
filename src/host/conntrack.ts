/**
 * Flows that the kernel keeps track of (linux/netfilter/nfnetlink_conntrack.h): a datagram's translation is chosen by the first
 * one of its flow, so what goes on flowing never sees that a rule has come or gone.
 */
import { CONNTRACK, NETLINK } from "./constants.ts";
import { attribute, NetlinkSocket, parseAttributes } from "./netlink.ts";
import type { NetlinkRequest } from "./netlink.ts";

/** A UDP port that is translated: at the host, and where it leads. */
export interface TranslatedPort {
  readonly hostPort: number;
  /** 4 or 16 bytes in network order. */
  readonly target: Uint8Array;
  readonly targetPort: number;
}

interface Tuple {
  readonly protocol: number;
  readonly source: Buffer;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

const NONE = Buffer.alloc(0);

function readTuple(bytes: Buffer | undefined): Tuple {
  const parts = parseAttributes(bytes ?? NONE);
  const addresses = parseAttributes(parts.get(CONNTRACK.TUPLE_IP) ?? NONE);
  const numbers = parseAttributes(parts.get(CONNTRACK.TUPLE_PROTO) ?? NONE);
  const port = (type: number): number => {
    const value = numbers.get(type);
    return value === undefined || value.length < 2 ? 0 : value.readUInt16BE(0);
  };
  return {
    protocol: numbers.get(CONNTRACK.PROTO_NUM)?.at(0) ?? 0,
    source: addresses.get(CONNTRACK.IP_V4_SRC) ?? addresses.get(CONNTRACK.IP_V6_SRC) ?? NONE,
    sourcePort: port(CONNTRACK.PROTO_SRC_PORT),
    destinationPort: port(CONNTRACK.PROTO_DST_PORT),
  };
}

/** struct nfgenmsg: family, version, resource. */
const header = (family: number): Buffer => Buffer.of(family, 0, 0, 0);

const request = (type: number, flags: number, body: Buffer): NetlinkRequest => ({
  type: CONNTRACK.SUBSYSTEM | type,
  flags,
  body,
  about: "conntrack",
});

/** The request that forgets a flow; undefined for one that has nothing to do with the ports. */
function forget(flow: Buffer, ports: readonly TranslatedPort[]): NetlinkRequest | undefined {
  const parts = parseAttributes(flow.subarray(CONNTRACK.HEADER_BYTES));
  const [sent, answered, id] = [CONNTRACK.TUPLE_ORIG, CONNTRACK.TUPLE_REPLY, CONNTRACK.ID].map((type) =>
    parts.get(type),
  );
  if (sent === undefined || id === undefined) return undefined;
  const [there, back] = [readTuple(sent), readTuple(answered)];
  if (there.protocol !== CONNTRACK.UDP) return undefined;
  const isOurs = ports.some(
    ({ hostPort, target, targetPort }) =>
      there.destinationPort === hostPort || (back.sourcePort === targetPort && back.source.equals(target)),
  );
  if (!isOurs) return undefined;
  const named = [attribute(CONNTRACK.TUPLE_ORIG | CONNTRACK.NESTED, sent), attribute(CONNTRACK.ID, id)];
  return request(CONNTRACK.DELETE, 0, Buffer.concat([header(flow.readUInt8(0)), ...named]));
}

/**
 * Forgets the flows to UDP ports of the host, and those that lead to where the ports do: their next datagram is taken for the
 * first. @throws a syscall error where the kernel does not tell of flows
 */
export function forgetFlows(ports: readonly TranslatedPort[]): void {
  using socket = NetlinkSocket.open(NETLINK.NETFILTER);
  const flows = socket.query(request(CONNTRACK.GET, NETLINK.DUMP, header(0)));
  for (const flow of flows) {
    const deletion = forget(flow, ports);
    if (deletion === undefined) continue;
    try {
      socket.request(deletion);
    } catch {
      // it ended by itself meanwhile
    }
  }
}
