import type { Socket } from "node:net";
import { packetsBehind } from "#host";
import { FrameQueue } from "./frameQueue.ts";
import { packetFrames } from "./packetFrames.ts";

/** conmon reads at most this much of a packet, the rest of it would be lost. */
const PACKET_BYTES = 32 << 10;

/** Which output a client wants. */
export interface StreamChoice {
  readonly stdout: boolean;
  readonly stderr: boolean;
}

interface Client {
  readonly queue: FrameQueue;
  readonly choice: StreamChoice;
}

/**
 * The streams of one run of a container, and its clients. We are conmon's only client, for conmon stands still when one
 * of its clients does not read; clients may come before the container runs and lose nothing. One that reads too slowly
 * makes the container wait, as with Docker: nothing is dropped but for a client that says so.
 */
export class StreamHub {
  readonly #clients = new Set<Client>();
  readonly #connected = Promise.withResolvers<Socket | undefined>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #listeners = new Set<() => void>();
  readonly #onBytes: (bytes: number) => void;
  #socket: Socket | undefined;
  #isLast = false;
  #input: Promise<void> = Promise.resolve();

  /** `onBytes` is told how much the container writes. */
  constructor(onBytes: (bytes: number) => void = () => undefined) {
    this.#onBytes = onBytes;
  }

  /** Resolves when the run's output has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** From now on every packet goes to every client. */
  connect(socket: Socket): void {
    this.#socket = socket;
    socket.on("data", (packet: Buffer) => this.#take(packet));
    socket.on("error", () => socket.destroy());
    socket.once("end", () => this.end());
    socket.once("close", () => this.end());
    this.#connected.resolve(socket);
  }

  /** With `dropAbove`, nobody waits for this client: what exceeds so many bytes is dropped. */
  join(choice: StreamChoice, dropAbove?: number): FrameQueue {
    const queue = new FrameQueue(() => this.#flow(), dropAbove);
    this.#clients.add({ queue, choice });
    return queue;
  }

  leave(queue: FrameQueue): void {
    for (const client of this.#clients) if (client.queue === queue) this.#clients.delete(client);
    queue.discard();
  }

  /** Calls `listener` at new output and at its end, until the returned function is called. */
  onOutput(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Input of all clients is one stream, in the order of the calls; waits for the container to run and to take it. */
  write(bytes: Uint8Array): Promise<void> {
    this.#input = this.#input.then(() => this.#send(bytes));
    return this.#input;
  }

  /** Ends the container's input, after what was written. */
  endInput(): void {
    this.#input = this.#input.then(async () => {
      const socket = await this.#connected.promise;
      if (socket?.writable === true) socket.end();
    });
  }

  /**
   * The process has ended: what it left comes without waiting for slow clients. A conmon that waits for one does not take
   * its child's exit, and the kernel keeps a container's pid namespace, and with it a kill, until somebody does.
   */
  flush(): void {
    this.#isLast = true;
    this.#flow();
  }

  /** The run is over, or never came to be. */
  end(): void {
    this.#connected.resolve(undefined);
    for (const { queue } of this.#clients) queue.end();
    this.#clients.clear();
    this.#ended.resolve();
    this.#notify();
    this.#socket?.destroy();
  }

  #take(packet: Buffer): void {
    const behind = this.#socket === undefined ? [] : packetsBehind(this.#socket);
    for (const frame of packetFrames(packet, behind)) {
      this.#onBytes(frame.bytes.byteLength);
      for (const { queue, choice } of this.#clients) if (choice[frame.stream]) queue.push(frame);
    }
    this.#notify();
    this.#flow();
  }

  #flow(): void {
    const full = !this.#isLast && [...this.#clients].some(({ queue }) => queue.isFull);
    if (full) this.#socket?.pause();
    else if (this.#socket?.isPaused() === true) this.#socket.resume();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }

  async #send(bytes: Uint8Array): Promise<void> {
    const socket = await this.#connected.promise;
    for (let offset = 0; offset < bytes.byteLength; offset += PACKET_BYTES) {
      if (socket?.writable !== true) return;
      const part = bytes.subarray(offset, offset + PACKET_BYTES);
      // Node joins writes that wait: each must be done before the next, or two packets become one that is too long.
      await new Promise<void>((resolve) => {
        const settle = (): void => {
          socket.off("close", settle);
          resolve();
        };
        socket.once("close", settle);
        socket.write(part, settle);
      });
    }
  }
}
