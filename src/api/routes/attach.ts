import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { Attachment, OutputFrame } from "#containers";
import type { ContainerBackend } from "../backends.ts";
import { untilWritable } from "../drain.ts";
import type { Exchange, Hijacked } from "../exchange.ts";
import { frameHeader } from "../stdcopy.ts";
import { acceptWebSocket } from "../webSocket.ts";

const RAW_STREAM = "application/vnd.docker.raw-stream";
const MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream";
const V1_42 = 1042;

/** Content type of a container's output: frames, or raw bytes of a terminal. */
export function streamType(tty: boolean, exchange: Exchange): string {
  return tty || exchange.version < V1_42 ? RAW_STREAM : MULTIPLEXED_STREAM;
}

/** What may wait in us for a client, beside the kernel's buffer of a Unix socket. */
const MAX_WAITING_BYTES = 256 << 10;

/**
 * Frames of one round of the event loop go out in one system call, header and payload uncopied: a runtime's packets are of
 * 8 KiB, and each would cost a call of its own.
 */
class FrameWriter {
  readonly #socket: Duplex;
  readonly #raw: boolean;
  #gathers = false;

  constructor(socket: Duplex, raw: boolean) {
    this.#socket = socket;
    this.#raw = raw;
  }

  /** False: wait until the socket is writable. */
  write({ stream, bytes }: OutputFrame): boolean {
    this.#gather();
    if (!this.#raw) this.#socket.write(frameHeader(stream, bytes.byteLength));
    return this.#socket.write(bytes) || this.#socket.writableLength < MAX_WAITING_BYTES;
  }

  #gather(): void {
    if (this.#gathers) return;
    this.#gathers = true;
    this.#socket.cork();
    setImmediate(() => {
      this.#gathers = false;
      this.#socket.uncork();
    });
  }
}

/** Until the output ends or the client is gone: a container may run for years after that. */
async function pumpOutput(attachment: Pick<Attachment, "output" | "tty">, socket: Duplex): Promise<void> {
  const frames = attachment.output[Symbol.asyncIterator]();
  const writer = new FrameWriter(socket, attachment.tty);
  const gone = once(socket, "close").then(() => undefined);
  while (!socket.destroyed) {
    const next = await Promise.race([frames.next(), gone]);
    if (next === undefined || next.done === true) return;
    if (!writer.write(next.value)) await untilWritable(socket);
  }
}

async function pumpInput(attachment: Attachment, socket: Duplex, head: Uint8Array): Promise<void> {
  if (head.byteLength > 0) await attachment.write(head);
  // The end of the client's input must not end the container's output on the same socket.
  const input: AsyncIterable<Uint8Array> = socket.iterator({ destroyOnReturn: false });
  for await (const chunk of input) await attachment.write(chunk);
  attachment.closeStdin();
}

/** The connection becomes the streams of a process, until its output ends or the client is gone. */
export async function serveStreams(
  attachment: Attachment,
  exchange: Exchange,
  { stdin, tty }: { readonly stdin: boolean; readonly tty: boolean },
): Promise<void> {
  const hijacked = exchange.hijack(streamType(tty, exchange));
  exchange.request.socket.setNoDelay(true);
  await serveOn(attachment, hijacked, { stdin, raw: tty });
}

async function serveOn(
  attachment: Attachment,
  { socket, head }: Hijacked,
  { stdin, raw }: { readonly stdin: boolean; readonly raw: boolean },
): Promise<void> {
  socket.on("error", () => undefined);
  // A client that resets its end is no failure of ours; its input simply ends.
  const input = stdin ? pumpInput(attachment, socket, head).catch(() => undefined) : Promise.resolve();
  if (!stdin) socket.resume();
  try {
    await pumpOutput({ output: attachment.output, tty: raw }, socket);
  } catch (error) {
    await attachment[Symbol.asyncDispose]();
    throw error;
  }
  // A client that never ends its side must not hold the connection.
  socket.end(() => socket.destroy());
  // First: input that nobody reads would keep a client that has gone, and with it the process's output.
  await attachment[Symbol.asyncDispose]();
  await input;
}

/** `POST /containers/{id}/attach`: the connection becomes the container's streams. */
export async function attach(containers: ContainerBackend, exchange: Exchange): Promise<void> {
  const stdin = exchange.flag("stdin");
  const attachment = await containers.attach(exchange.param("id"), {
    stdin,
    stdout: exchange.flag("stdout"),
    stderr: exchange.flag("stderr"),
    logs: exchange.flag("logs"),
    stream: exchange.flag("stream"),
    ...detachKeys(exchange),
  });
  await serveStreams(attachment, exchange, { stdin, tty: attachment.tty });
}

function detachKeys(exchange: Exchange): { readonly detachKeys?: string } {
  const keys = exchange.query.get("detachKeys") ?? "";
  return keys === "" ? {} : { detachKeys: keys };
}

/** `GET /containers/{id}/attach/ws`: the same over a WebSocket, whose frames hold the bytes of both streams as they are. */
export async function attachWebSocket(containers: ContainerBackend, exchange: Exchange): Promise<void> {
  acceptWebSocket(exchange.request.headers);
  // Before 1.42 a client got all of them, whatever it said.
  const chosen = (name: string): boolean => exchange.version < V1_42 || exchange.flag(name);
  const stdin = chosen("stdin");
  const attachment = await containers.attach(exchange.param("id"), {
    stdin,
    stdout: chosen("stdout"),
    stderr: chosen("stderr"),
    logs: exchange.flag("logs"),
    stream: exchange.flag("stream"),
    ...detachKeys(exchange),
  });
  await serveOn(attachment, { socket: exchange.openWebSocket(), head: Buffer.alloc(0) }, { stdin, raw: true });
}
