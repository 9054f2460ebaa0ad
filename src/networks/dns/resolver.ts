import { randomInt } from "node:crypto";
import type { IpAddress } from "../ipam/address.ts";
import type { DnsForwarder, DnsTransport, Upstream } from "./forwarder.ts";
import { decodeQuery, encodeReply, MAX_MESSAGE_BYTES, RecordType, ResponseCode, reverseAddress } from "./message.ts";
import type { DnsAnswer, DnsQuery, ReplyParts } from "./message.ts";

/** What one container may ask by name. Taken anew for each question. */
export interface NameSource {
  /** All addresses of a name (lower case, no dot at its end), of both families; undefined when we do not know it. */
  lookup(name: string): readonly IpAddress[] | undefined;
  /** The name of an address, e.g. `web.backend`; undefined when it is none of ours. */
  reverse(address: IpAddress): string | undefined;
  /** Whom to ask for everything else; empty for a container that may not ask outside. */
  upstreams(): readonly Upstream[];
  /** True when the container's own options set `ndots` above 0: a name without a dot is then not asked for outside. */
  keepsSingleLabels(): boolean;
}

/** Docker's. */
const TTL_SECONDS = 600;

/** Answers one container's questions: names of its networks here, all others by its upstream servers. */
export class Resolver {
  readonly #names: NameSource;
  readonly #forwarder: DnsForwarder;

  constructor(names: NameSource, forwarder: DnsForwarder) {
    this.#names = names;
    this.#forwarder = forwarder;
  }

  /** The answer to one message; undefined for what deserves none. Never rejects. */
  async answer(message: Uint8Array, transport: DnsTransport): Promise<Buffer | undefined> {
    const query = decodeQuery(message);
    if (query === undefined) return undefined;
    const maxBytes = transport === "udp" ? query.udpBytes : MAX_MESSAGE_BYTES;
    const reply = (parts: Omit<ReplyParts, "maxBytes" | "ttlSeconds">): Buffer =>
      encodeReply(query, { ...parts, maxBytes, ttlSeconds: TTL_SECONDS });
    if (query.opcode !== 0) return reply({ code: ResponseCode.NOT_IMPLEMENTED });
    const answers = this.#local(query);
    if (answers !== undefined) return reply({ code: ResponseCode.NO_ERROR, answers });
    if (this.#staysHere(query)) return reply({ code: ResponseCode.NO_ERROR });
    const upstreams = this.#names.upstreams();
    const outside = await this.#forwarder.forward({ query, message, upstreams, transport });
    return outside ?? reply({ code: ResponseCode.SERVER_FAILURE });
  }

  /** Answers that we know ourselves: none of the asked type is an answer, too; undefined when it is not ours to say. */
  #local(query: DnsQuery): readonly DnsAnswer[] | undefined {
    switch (query.type) {
      case RecordType.A:
        return this.#addresses(query.name, 4);
      case RecordType.AAAA:
        return this.#addresses(query.name, 6);
      case RecordType.MX:
        // Known, but without an exchanger: mail goes to its address (RFC 5321 §5.1).
        return this.#names.lookup(query.name) === undefined ? undefined : [];
      case RecordType.PTR: {
        const address = reverseAddress(query.name);
        const name = address === undefined ? undefined : this.#names.reverse(address);
        return name === undefined ? undefined : [{ kind: "name", name }];
      }
      default:
        return undefined;
    }
  }

  #addresses(name: string, family: 4 | 6): readonly DnsAnswer[] | undefined {
    const known = this.#names.lookup(name);
    if (known === undefined) return undefined;
    const wanted = known.filter((address) => address.family === family);
    return shuffled(wanted).map((address) => ({ kind: "address", address }));
  }

  #staysHere(query: DnsQuery): boolean {
    const asksAddress = query.type === RecordType.A || query.type === RecordType.AAAA;
    return asksAddress && !query.name.includes(".") && this.#names.keepsSingleLabels();
  }
}

/** Askers take the first address: a random order spreads them over the containers of one alias. */
function shuffled<T>(items: readonly T[]): readonly T[] {
  const order = [...items];
  for (let index = order.length - 1; index > 0; index -= 1) {
    const other = randomInt(index + 1);
    const [here, there] = [order[index], order[other]];
    if (here === undefined || there === undefined) continue;
    order[index] = there;
    order[other] = here;
  }
  return order;
}
