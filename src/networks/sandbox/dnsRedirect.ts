import { closeSync } from "node:fs";
import { bindSocket, Nftables } from "#host";
import type { BoundSocket } from "#host";

const TABLE = "varve_dns";
const ADDRESS = "127.0.0.11";
const ADDRESS_BYTES = new Uint8Array([127, 0, 0, 11]);

/** Sockets of a sandbox's DNS server: bound within the namespace, served from outside. */
export interface DnsSockets {
  readonly udp: BoundSocket;
  readonly tcp: BoundSocket;
}

/**
 * Binds any two ports of 127.0.0.11 in the namespace that the thread is in, and sends port 53 there. Port 53 itself stays
 * free: a container may run a name server of its own on every address. `isNew`: the namespace cannot have our rules yet.
 */
export function openDnsSockets({ isNew }: { readonly isNew: boolean }): DnsSockets {
  const opened: number[] = [];
  const bound = (kind: "udp" | "tcp"): BoundSocket => {
    const socket = bindSocket(kind, ADDRESS_BYTES, 0);
    opened.push(socket.fd);
    return socket;
  };
  try {
    const sockets = { udp: bound("udp"), tcp: bound("tcp") };
    redirect(sockets, isNew);
    return sockets;
  } catch (error) {
    for (const fd of opened) closeSync(fd);
    throw error;
  }
}

function redirect({ udp, tcp }: DnsSockets, isNew: boolean): void {
  using nft = Nftables.open();
  nft.run(`${isNew ? "" : `add table ip ${TABLE}\ndelete table ip ${TABLE}\n`}table ip ${TABLE} {
  chain output {
    type nat hook output priority -100; policy accept;
    ip daddr ${ADDRESS} udp dport 53 dnat to ${ADDRESS}:${udp.port}
    ip daddr ${ADDRESS} tcp dport 53 dnat to ${ADDRESS}:${tcp.port}
  }
}
`);
}
