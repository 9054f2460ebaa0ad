import { EngineError, ErrorCode } from "#errors";
import type { OutgoingEntry } from "../contract.ts";
import type { ClientCall } from "../grpc/client.ts";
import { encode } from "../wire/encode.ts";
import type { Encodable } from "../wire/types.ts";
import { PacketType, writeStat } from "./packets.ts";

/** What receivers allocate for. */
const CHUNK_BYTES = 32 << 10;

/** One transfer into a client's directory. */
class Sender {
  readonly #call: ClientCall<"Packet", "Packet">;
  readonly #onProgress: (bytes: number) => void;
  readonly #sent: OutgoingEntry[] = [];
  #bytes = 0;

  constructor(call: ClientCall<"Packet", "Packet">, onProgress: (bytes: number) => void) {
    this.#call = call;
    this.#onProgress = onProgress;
  }

  async walk(entries: AsyncIterable<OutgoingEntry>): Promise<void> {
    for await (const entry of entries) {
      this.#sent.push(entry);
      await this.#put({ type: PacketType.STAT, stat: writeStat(entry.stat) });
    }
    await this.#put({ type: PacketType.STAT });
  }

  async serve(): Promise<void> {
    for await (const packet of this.#call.messages()) {
      if (packet.type === PacketType.REQUEST) await this.#content(packet.id);
      else if (packet.type === PacketType.FINISH) {
        await this.#call.send({ type: PacketType.FINISH });
        this.#call.end();
      } else if (packet.type === PacketType.ERROR)
        throw new EngineError(
          "failed_precondition",
          ErrorCode.BUILD_PEER,
          `error from receiver: ${Buffer.from(packet.data).toString("utf8")}`,
        );
    }
  }

  async #content(id: number): Promise<void> {
    const entry = this.#sent[id];
    if (entry === undefined)
      throw new EngineError(
        "invalid_argument",
        ErrorCode.BUILD_PEER,
        `the client asks for entry ${id}, which was not sent`,
      );
    for await (const chunk of entry.open())
      for (let at = 0; at < chunk.length; at += CHUNK_BYTES)
        await this.#put({ type: PacketType.DATA, id, data: chunk.subarray(at, at + CHUNK_BYTES) });
    await this.#put({ type: PacketType.DATA, id });
  }

  async #put(packet: Encodable<"Packet">): Promise<void> {
    this.#bytes += encode("Packet", packet).length;
    this.#onProgress(this.#bytes);
    await this.#call.send(packet);
  }
}

/** Sends a tree; entries must come in fsutil's order. Requests are served while entries still go out. */
export async function sendTree(
  call: ClientCall<"Packet", "Packet">,
  entries: AsyncIterable<OutgoingEntry>,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const sender = new Sender(call, onProgress);
  try {
    await Promise.all([sender.walk(entries), sender.serve()]);
  } catch (error) {
    call.cancel();
    throw error;
  }
}
