import { EngineError, ErrorCode } from "#errors";
import type { ClientCall } from "../grpc/client.ts";
import { PacketType, writeStat } from "./packets.ts";
import type { SpooledEntry } from "./treeSpool.ts";

/** What receivers allocate for. */
const CHUNK_BYTES = 32 << 10;

/** One transfer into a client's directory. */
class Sender {
  readonly #call: ClientCall<"Packet", "Packet">;
  readonly #entries: readonly SpooledEntry[];

  constructor(call: ClientCall<"Packet", "Packet">, entries: readonly SpooledEntry[]) {
    this.#call = call;
    this.#entries = entries;
  }

  async walk(): Promise<void> {
    for (const { entry } of this.#entries) await this.#call.send({ type: PacketType.STAT, stat: writeStat(entry) });
    await this.#call.send({ type: PacketType.STAT });
  }

  async serve(): Promise<void> {
    let isFinished = false;
    for await (const packet of this.#call.messages()) {
      if (packet.type === PacketType.REQUEST) await this.#content(packet.id);
      else if (packet.type === PacketType.FINISH) {
        isFinished = true;
        await this.#call.send({ type: PacketType.FINISH });
        this.#call.end();
      } else if (packet.type === PacketType.ERROR)
        throw new EngineError(
          "failed_precondition",
          ErrorCode.BUILD_PEER,
          `error from receiver: ${Buffer.from(packet.data).toString("utf8")}`,
        );
    }
    if (!isFinished)
      throw new EngineError("unavailable", ErrorCode.BUILD_PEER, "transfer to the client: it ended too early");
  }

  async #content(id: number): Promise<void> {
    const spooled = this.#entries[id];
    if (spooled === undefined)
      throw new EngineError(
        "invalid_argument",
        ErrorCode.BUILD_PEER,
        `transfer to the client: it asks for entry ${id}, which there is not`,
      );
    for await (const chunk of spooled.read())
      for (let at = 0; at < chunk.length; at += CHUNK_BYTES)
        await this.#call.send({ type: PacketType.DATA, id, data: chunk.subarray(at, at + CHUNK_BYTES) });
    await this.#call.send({ type: PacketType.DATA, id });
  }
}

/** Sends a tree, in fsutil's order. Requests are served while entries still go out. */
export async function sendTree(call: ClientCall<"Packet", "Packet">, entries: readonly SpooledEntry[]): Promise<void> {
  const sender = new Sender(call, entries);
  try {
    await Promise.all([sender.walk(), sender.serve()]);
  } catch (error) {
    call.cancel();
    throw error;
  }
}
