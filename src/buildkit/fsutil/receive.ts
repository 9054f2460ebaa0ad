import { EngineError, ErrorCode } from "#errors";
import type { EntryStat, TreeSink } from "../contract.ts";
import type { ClientCall } from "../grpc/client.ts";
import { encode } from "../wire/encode.ts";
import type { Decoded } from "../wire/types.ts";
import { FileType } from "./goMode.ts";
import { PacketType, readStat } from "./packets.ts";
import { PathOrder } from "./pathOrder.ts";

const MAX_ENTRIES = 1 << 22;

function lie(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BUILD_PEER, `transfer from the client: ${message}`);
}

/** One transfer from a client's directory. */
class Receiver {
  readonly #call: ClientCall<"Packet", "Packet">;
  readonly #sink: TreeSink;
  readonly #order = new PathOrder();
  /** Files whose content was asked for and is not whole. */
  readonly #pending = new Map<number, EntryStat>();
  #entries = 0;
  #isWalkOver = false;
  #isFinishing = false;
  isFinished = false;

  constructor(call: ClientCall<"Packet", "Packet">, sink: TreeSink) {
    this.#call = call;
    this.#sink = sink;
  }

  async take(packet: Decoded<"Packet">): Promise<void> {
    switch (packet.type) {
      case PacketType.STAT:
        await this.#entry(packet.stat);
        break;
      case PacketType.DATA:
        await this.#data(packet.id, packet.data);
        break;
      case PacketType.FINISH:
        if (!this.#isFinishing) throw lie("it ended before everything was sent");
        this.isFinished = true;
        this.#call.end();
        return;
      case PacketType.ERROR:
        throw new EngineError(
          "invalid_argument",
          ErrorCode.BUILD_PEER,
          `error from sender: ${Buffer.from(packet.data).toString("utf8")}`,
        );
      default:
        throw lie(`a packet of type ${packet.type}`);
    }
    if (!this.#isWalkOver || this.#pending.size > 0 || this.#isFinishing) return;
    this.#isFinishing = true;
    await this.#call.send({ type: PacketType.FINISH });
  }

  async #entry(sent: Decoded<"Stat"> | undefined): Promise<void> {
    if (this.#isWalkOver) throw lie("an entry after the last one");
    if (sent === undefined) {
      this.#isWalkOver = true;
      return;
    }
    const id = this.#entries;
    this.#entries += 1;
    if (this.#entries > MAX_ENTRIES) throw lie(`more than ${MAX_ENTRIES} entries`);
    const stat = readStat(sent);
    // A socket or something of that kind: nothing can be built of it.
    if (stat === undefined) return;
    this.#order.check(stat);
    const isWanted = await this.#sink.entry(stat);
    if (!isWanted || (stat.mode & FileType.MASK) !== FileType.REGULAR || stat.linkname !== "") return;
    this.#pending.set(id, stat);
    await this.#call.send({ type: PacketType.REQUEST, id });
  }

  async #data(id: number, chunk: Uint8Array): Promise<void> {
    const stat = this.#pending.get(id);
    if (stat === undefined) throw lie(`content of entry ${id}, which was not asked for`);
    if (chunk.length > 0) {
      await this.#sink.data(stat, chunk);
      return;
    }
    this.#pending.delete(id);
    await this.#sink.complete(stat);
  }
}

/** Receives a whole tree. @throws {invalid_argument} for a stream that breaks the rules; what the sink throws */
export async function receiveTree(
  call: ClientCall<"Packet", "Packet">,
  sink: TreeSink,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const receiver = new Receiver(call, sink);
  let bytes = 0;
  try {
    for await (const packet of call.messages()) {
      bytes += packet.type === PacketType.DATA ? packet.data.length + 8 : encode("Packet", packet).length;
      onProgress(bytes);
      await receiver.take(packet);
    }
  } catch (error) {
    call.cancel();
    throw error;
  }
  if (!receiver.isFinished) throw lie("it broke off");
}
