import type { NetlinkRequest } from "#host";
import type { NetworkRecord } from "../networkRecord.ts";

/** An interface to be made in a container's namespace. */
export interface InterfaceRequest {
  /** Its name there, and on the host for a pair. */
  readonly name: string;
  readonly hostName: string;
  readonly mac: string;
  /** Of the namespace. */
  readonly namespaceFd: number;
}

/** How networks of one kind reach their containers. All of it is synchronous but removal, for it runs within a namespace block. */
export interface NetworkDriver {
  /** Before a network is recorded. @throws in Docker's words */
  check(network: NetworkRecord): void;
  /** Makes what the network needs on the host. Idempotent. */
  open(network: NetworkRecord): void;
  /** Takes it away. Idempotent. */
  remove(network: NetworkRecord): Promise<void>;
  /** The request that makes a container's interface. */
  interface(network: NetworkRecord, request: InterfaceRequest): NetlinkRequest;
  /** After the interface was made. */
  plugged(network: NetworkRecord, hostName: string): void;
  /** True when the pair's end on the host has a name. */
  readonly hasHostInterface: boolean;
  /** True when containers leave the network through its gateway. */
  hasGateway(network: NetworkRecord): boolean;
}
