import type { ContextReceiver } from "#build";
import { EngineError, ErrorCode } from "#errors";
import type { ClientCall } from "../grpc/client.ts";
import type { Decoded } from "../wire/types.ts";
import { FileType } from "./goMode.ts";
import { PacketType } from "./packets.ts";
import { readPacket } from "./readPacket.ts";
import type { IncomingPacket } from "./readPacket.ts";

const MAX_ENTRIES = 1 << 22;

function lie(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BUILD_PEER, `transfer from the client: ${message}`);
}

type Stat = Extract<IncomingPacket, { readonly kind: "stat" }>;

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

  /** What is to be said goes into the call's queue. */
  take(packet: IncomingPacket): void {
    switch (packet.kind) {
      case "stat":
        this.#entry(packet);
        break;
      case "walked":
        if (this.#isWalkOver) throw lie("an entry after the last one");
        this.#isWalkOver = true;
        break;
      case "data":
        this.#data(packet.id, packet.data);
        break;
      case "finish":
        if (!this.#isFinishing) throw lie("it ended before everything was sent");
        this.isFinished = true;
        return;
      case "other":
        throw problemOf(packet.packet);
    }
    if (!this.#isWalkOver || this.#pending.size > 0 || this.#isFinishing) return;
    this.#isFinishing = true;
    this.#call.queue({ type: PacketType.FINISH });
  }

  #entry({ entry }: Stat): void {
    if (this.#isWalkOver) throw lie("an entry after the last one");
    const id = this.#entries;
    this.#entries += 1;
    if (this.#entries > MAX_ENTRIES) throw lie(`more than ${MAX_ENTRIES} entries`);
    // A socket or something of that kind: nothing can be built of it.
    if (entry === undefined) return;
    const index = this.#shown;
    this.#shown += 1;
    const isWanted = this.#receiver.entry(entry);
    if (!isWanted || (entry.mode & FileType.MASK) !== FileType.REGULAR || entry.linkname !== "") return;
    this.#pending.set(id, index);
    this.#call.queue({ type: PacketType.REQUEST, id });
  }

  #data(id: number, chunk: Uint8Array): void {
    const index = this.#pending.get(id);
    if (index === undefined) throw lie(`content of entry ${id}, which was not asked for`);
    if (chunk.length > 0) {
      this.#receiver.write(index, chunk);
      return;
    }
    this.#pending.delete(id);
    this.#receiver.end(index);
  }
}

function problemOf({ type, data }: Decoded<"Packet">): EngineError {
  if (type !== PacketType.ERROR) return lie(`a packet of type ${type}`);
  const said = Buffer.from(data).toString("utf8");
  return new EngineError("invalid_argument", ErrorCode.BUILD_PEER, `error from sender: ${said}`);
}

/** Receives a whole tree. @throws {invalid_argument} for a stream that breaks the rules; what the receiver throws */
export async function receiveTree(
  call: ClientCall<"Packet", "Packet">,
  receiver: ContextReceiver,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const transfer = new Transfer(call, receiver);
  try {
    for await (const batch of call.batches()) {
      onProgress(call.receivedBytes);
      // Without a turn of the event loop for each packet, and with one write for all that is asked for.
      for (const bytes of batch) transfer.take(readPacket(bytes));
      await call.flush();
      await receiver.drained();
      if (transfer.isFinished) call.end();
    }
  } catch (error) {
    call.cancel();
    throw error;
  }
  if (!transfer.isFinished) throw lie("it broke off");
}
