import { Agent } from "node:http";
import type { ClientRequestArgs, IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { NetConnectOpts, Socket } from "node:net";
import type { ByteQueue } from "./byteQueue.ts";

const SCRATCH_BYTES = 64 << 10;
const intakes = new WeakMap<Socket, Intake>();

/**
 * Plain HTTP connections whose body can be read by the kernel straight into the memory that the reader gets. Node's HTTP
 * parser copies each 64 KiB of a body into fresh memory; without it the same download takes a fifth of the CPU time
 * (docs/adr/0006). Head and framing stay with the parser; the connection is for one answer.
 */
export class BulkAgent extends Agent {
  override createConnection(options: ClientRequestArgs & Partial<NetConnectOpts>): Socket {
    const intake = new Intake();
    const socket = connect({
      ...options,
      port: Number(options.port),
      host: options.host ?? "localhost",
      onread: { buffer: () => intake.memory(), callback: (length, memory) => intake.took(length, memory) },
    });
    intake.attach(socket);
    intakes.set(socket, intake);
    return socket;
  }
}

/** The intake of the connection that an answer comes from, where its body may be read directly. */
export function intakeOf(message: IncomingMessage): Intake | undefined {
  return message.headers["transfer-encoding"] === undefined ? intakes.get(message.socket) : undefined;
}

/** Where a socket's bytes go: to the HTTP parser, or around it. */
export class Intake {
  readonly #scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #socket: Socket | undefined;
  #queue: ByteQueue | undefined;
  #left = 0;

  attach(socket: Socket): void {
    this.#socket = socket;
  }

  /** Memory for the next read; Node keeps it even over a pause, so it must stay writable whatever the reader does. */
  memory(): Uint8Array {
    return this.#queue?.space()?.subarray(0, Math.max(1, this.#left)) ?? this.#scratch;
  }

  took(length: number, memory: Uint8Array): boolean {
    if (this.#queue === undefined) this.#socket?.emit("data", memory.subarray(0, length));
    else this.#take(this.#queue, Math.min(length, this.#left), memory);
    return true;
  }

  /** From now on the body, which has `length` bytes in all, goes straight into the queue; ends it after the last. */
  divert(message: IncomingMessage, length: number, queue: ByteQueue): void {
    this.#queue = queue;
    this.#left = length;
    for (let bytes = parsed(message); bytes !== null; bytes = parsed(message)) {
      this.#left -= bytes.length;
      queue.push(bytes);
    }
    if (this.#left <= 0) queue.end();
    else this.#socket?.resume();
  }

  #take(queue: ByteQueue, length: number, memory: Uint8Array): void {
    this.#left -= length;
    if (isSame(memory, queue.space())) queue.commit(length);
    else queue.push(memory.subarray(0, length));
    if (this.#left === 0) queue.end();
  }
}

/** The reader may have taken the slab that was given for this read; its unused end is then still ours to copy from. */
function isSame(memory: Uint8Array, space: Uint8Array | undefined): boolean {
  return memory.buffer === space?.buffer && memory.byteOffset === space.byteOffset;
}

function parsed(message: IncomingMessage): Uint8Array | null {
  const bytes: unknown = message.read();
  return bytes instanceof Uint8Array ? bytes : null;
}
