import { isErrno, newDummy, newSharedLink, newVlan } from "#host";
import type { NetlinkRequest } from "#host";
import { EngineError, ErrorCode } from "#errors";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { forbidden } from "../networkError.ts";
import type { NetworkRecord } from "../networkRecord.ts";
import type { InterfaceRequest, NetworkDriver } from "./driver.ts";

/** linux/if_link.h: enum macvlan_mode, enum ipvlan_mode, IPVLAN_F_*. */
const MACVLAN_MODES: Readonly<Record<string, number>> = { private: 1, vepa: 2, bridge: 4, passthru: 8 };
const IPVLAN_MODES: Readonly<Record<string, number>> = { l2: 0, l3: 1, l3s: 2 };
const IPVLAN_FLAGS: Readonly<Record<string, number>> = { bridge: 0, private: 1, vepa: 2 };

const DUMMY_PREFIX = { macvlan: "dm-", ipvlan: "di-" } as const;
const ID_DIGITS_IN_NAME = 12;

const failed = (message: string): EngineError => new EngineError("internal", ErrorCode.ENDPOINT, message);

type Kind = "macvlan" | "ipvlan";

/** macvlan and ipvlan: containers on the wire of an interface of the host, without a bridge and without our packet filter. */
export class SharedLinkDriver implements NetworkDriver {
  readonly hasHostInterface = false;
  readonly #kind: Kind;
  readonly #dataplane: Dataplane;
  readonly #others: () => Iterable<NetworkRecord>;

  constructor(kind: Kind, dataplane: Dataplane, others: () => Iterable<NetworkRecord>) {
    this.#kind = kind;
    this.#dataplane = dataplane;
    this.#others = others;
  }

  /** The interface below; one of our own when none is named, which makes the network an internal one. */
  #parent({ id, options }: NetworkRecord): string {
    return options["parent"] || `${DUMMY_PREFIX[this.#kind]}${id.slice(0, ID_DIGITS_IN_NAME)}`;
  }

  check(network: NetworkRecord): void {
    const { options } = network;
    const [key, modes, fallback] =
      this.#kind === "macvlan"
        ? (["macvlan_mode", MACVLAN_MODES, "bridge"] as const)
        : (["ipvlan_mode", IPVLAN_MODES, "l2"] as const);
    const mode = options[key] ?? "";
    if (mode !== "" && modes[mode] === undefined) {
      throw failed(
        `requested ${this.#kind} mode '${mode}' is not valid, '${fallback}' mode is the ${this.#kind} driver default`,
      );
    }
    const flag = options["ipvlan_flag"] ?? "";
    if (this.#kind === "ipvlan" && flag !== "" && IPVLAN_FLAGS[flag] === undefined) {
      throw failed(`requested ipvlan flag '${flag}' is not valid, 'bridge' is the ipvlan driver default`);
    }
    if (options["parent"] === "lo") throw failed("loopback interface is not a valid macvlan parent link");
    for (const other of this.#others()) {
      if (other.driver !== this.#kind || this.#kind !== "macvlan" || other.id === network.id) continue;
      if (this.#parent(other) !== this.#parent(network)) continue;
      throw forbidden(
        `network ${DUMMY_PREFIX[this.#kind]}${network.id.slice(0, ID_DIGITS_IN_NAME)} is already using parent interface ${this.#parent(network)}`,
      );
    }
  }

  open(network: NetworkRecord): void {
    const parent = this.#parent(network);
    if (this.#dataplane.findLink(parent) !== undefined) return;
    if ((network.options["parent"] ?? "") === "") {
      this.#perform(newDummy(parent));
      return;
    }
    const [, base = "", tag = ""] = /^(.+)\.(\d+)$/.exec(parent) ?? [];
    const below = base === "" ? undefined : this.#dataplane.findLink(base);
    if (base === "") throw failed(`invalid subinterface vlan name ${parent}, example formatting is eth0.10`);
    if (below === undefined) throw failed(`failed to find master interface ${base} on the Docker host`);
    this.#perform(newVlan({ name: parent, parent: below.index, id: Number(tag) }));
  }

  #perform(request: NetlinkRequest): void {
    try {
      this.#dataplane.host.request(request);
    } catch (cause) {
      // A kernel without these links: Docker says no more than this.
      if (!isErrno(cause, "EOPNOTSUPP")) throw cause;
      throw new EngineError("internal", ErrorCode.ENDPOINT, "operation not supported", { cause });
    }
  }

  async remove(network: NetworkRecord): Promise<void> {
    const parent = this.#parent(network);
    // What we did not make stays: only our own dummy bears such a name.
    if ((network.options["parent"] ?? "") === "" && this.#dataplane.findLink(parent) !== undefined) {
      await this.#dataplane.deleteLink(parent);
    }
  }

  interface(network: NetworkRecord, { name, mac, namespaceFd }: InterfaceRequest): NetlinkRequest {
    const parent = this.#dataplane.findLink(this.#parent(network));
    if (parent === undefined) throw failed(`the parent interface ${this.#parent(network)} is gone`);
    const shared = { name, parent: parent.index, namespaceFd };
    if (this.#kind === "macvlan") {
      const mode = MACVLAN_MODES[network.options["macvlan_mode"] || "bridge"] ?? 0;
      return newSharedLink({ ...shared, kind: "macvlan", mode, mac });
    }
    const mode = IPVLAN_MODES[network.options["ipvlan_mode"] || "l2"] ?? 0;
    const flags = IPVLAN_FLAGS[network.options["ipvlan_flag"] || "bridge"] ?? 0;
    return newSharedLink({ ...shared, kind: "ipvlan", mode, flags });
  }

  plugged(): void {
    // nothing is left on the host's side
  }

  hasGateway({ internal, options }: NetworkRecord): boolean {
    return !internal && (options["parent"] ?? "") !== "";
  }
}
