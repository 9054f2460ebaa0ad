import type { ContextReceiver } from "#build";
import { EngineError, ErrorCode } from "#errors";
import type { ClientCall } from "../grpc/client.ts";
import type { Decoded } from "../wire/types.ts";
import { FileType } from "./goMode.ts";
import { PacketType, readStat } from "./packets.ts";

const MAX_ENTRIES = 1 << 22;

function lie(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BUILD_PEER, `transfer from the client: ${message}`);
}

/** One transfer from a client's directory. What the entries say is for the receiver to judge; here only the talk is. */
class Transfer {
  readonly #call: ClientCall<"Packet", "Packet">;
  readonly #receiver: ContextReceiver;
  /** Files that were asked for and are not whole: number on the wire → the receiver's, which counts what it was shown. */
  readonly #pending = new Map<number, number>();
  #entries = 0;
  #shown = 0;
  #isWalkOver = false;
  #isFinishing = false;
  isFinished = false;

  constructor(call: ClientCall<"Packet", "Packet">, receiver: ContextReceiver) {
    this.#call = call;
    this.#receiver = receiver;
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
    const entry = readStat(sent);
    // A socket or something of that kind: nothing can be built of it.
    if (entry === undefined) return;
    const index = this.#shown;
    this.#shown += 1;
    const isWanted = this.#receiver.entry(entry);
    if (!isWanted || (entry.mode & FileType.MASK) !== FileType.REGULAR || entry.linkname !== "") return;
    this.#pending.set(id, index);
    await this.#call.send({ type: PacketType.REQUEST, id });
  }

  async #data(id: number, chunk: Uint8Array): Promise<void> {
    const index = this.#pending.get(id);
    if (index === undefined) throw lie(`content of entry ${id}, which was not asked for`);
    if (chunk.length > 0) {
      await this.#receiver.write(index, chunk);
      return;
    }
    this.#pending.delete(id);
    await this.#receiver.end(index);
  }
}

/** Receives a whole tree. @throws {invalid_argument} for a stream that breaks the rules; what the receiver throws */
export async function receiveTree(
  call: ClientCall<"Packet", "Packet">,
  receiver: ContextReceiver,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const transfer = new Transfer(call, receiver);
  try {
    for await (const packet of call.messages()) {
      onProgress(call.receivedBytes);
      await transfer.take(packet);
    }
  } catch (error) {
    call.cancel();
    throw error;
  }
  if (!transfer.isFinished) throw lie("it broke off");
}
