import { createSocket } from "node:dgram";
import { once } from "node:events";
import { statSync } from "node:fs";
import { createConnection, isIPv6 } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "#errors";
import { DatagramSocket, fromNodeError, isErrno } from "#host";
import type { OutputLine } from "./lineSplitter.ts";

/** Where lines go. */
export interface LogSink extends Disposable {
  /** False: the line is lost, the receiver is gone or takes nothing. Waits for one that is slow. Never throws. */
  send(message: Buffer): Promise<boolean>;
}

/** A receiver and how it wants its lines; undefined for a line that it does not get. */
export interface LogReceiver {
  readonly sink: LogSink;
  encode(line: OutputLine): Buffer | undefined;
}

/** A receiver that takes nothing for so long has to do without. */
const PATIENCE_MS = 1000;
const RETRY_MS = 2;
const CONNECT_MS = 5000;
/** A connection that takes nothing for so long is given up. */
const STALLED_MS = 10_000;

/** As Go says it: `dial tcp 127.0.0.1:514: connect: connection refused`. */
function dialError(network: string, address: string, error: unknown): Error {
  if (isErrno(error, "ENOTFOUND") || isErrno(error, "EAI_AGAIN"))
    return new Error(`dial ${network}: lookup ${address.replace(/:[^:]*$/, "")}: no such host`, { cause: error });
  const why = messageOf(fromNodeError(error)).replace(/^connect [^:]*: /, "connect: ");
  return new Error(`dial ${network} ${address}: ${why}`, { cause: error });
}

/** AF_UNIX datagrams: syslog's and journald's own way. */
class DatagramSink implements LogSink {
  readonly #path: string;
  #socket: DatagramSocket | undefined;
  /** It took nothing of late: nobody waits for it again before it does. */
  #isStuck = false;

  constructor(path: string) {
    this.#path = path;
    this.#socket = DatagramSocket.connect(path);
  }

  async send(message: Buffer): Promise<boolean> {
    for (let waited = 0; ; waited += RETRY_MS) {
      const sent = this.#attempt(message);
      if (sent !== "full") {
        this.#isStuck = false;
        return sent === "sent";
      }
      this.#isStuck ||= waited >= PATIENCE_MS;
      if (this.#isStuck) return false;
      await sleep(RETRY_MS, undefined, { ref: false });
    }
  }

  /** Looks for a new receiver once, if the old one is gone. */
  #attempt(message: Buffer): "sent" | "full" | "lost" {
    try {
      if (this.#socket !== undefined) return this.#socket.send(message) ? "sent" : "full";
    } catch {
      this[Symbol.dispose]();
    }
    try {
      this.#socket = DatagramSocket.connect(this.#path);
      return this.#socket.send(message) ? "sent" : "full";
    } catch {
      this[Symbol.dispose]();
      return "lost";
    }
  }

  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
  }
}

export type StreamTarget = { readonly path: string } | { readonly host: string; readonly port: number };

/** Makes a socket that is still connecting, and names the event of its success. */
export type Dial = () => { readonly socket: Socket; readonly event: "connect" | "secureConnect" };

export const plainly =
  (target: StreamTarget): Dial =>
  () => ({ socket: createConnection(target), event: "connect" });

async function openStream(dial: Dial): Promise<Socket> {
  const { socket, event } = dial();
  socket.unref();
  try {
    await once(socket, event, { signal: AbortSignal.timeout(CONNECT_MS) });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  socket.on("error", () => socket.destroy());
  // A syslog daemon says nothing; its end must be heard all the same.
  socket.resume();
  return socket;
}

/** A connection, made anew when it breaks. */
class StreamSink implements LogSink {
  readonly #dial: Dial;
  #socket: Socket | undefined;
  #isClosed = false;
  #nextAttempt = 0;

  constructor(dial: Dial, socket: Socket | undefined) {
    this.#dial = dial;
    this.#socket = socket;
  }

  async send(message: Buffer): Promise<boolean> {
    if (this.#socket?.writable !== true && !(await this.#connectAgain())) return false;
    const socket = this.#socket;
    if (socket === undefined || socket.write(message)) return socket !== undefined;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), STALLED_MS).unref();
      const settle = (): void => {
        clearTimeout(timer);
        socket.off("drain", settle).off("close", settle);
        resolve();
      };
      socket.once("drain", settle).once("close", settle);
    });
    return !socket.destroyed;
  }

  async #connectAgain(): Promise<boolean> {
    if (this.#isClosed || Date.now() < this.#nextAttempt) return false;
    try {
      this.#socket = await openStream(this.#dial);
      return true;
    } catch {
      this.#nextAttempt = Date.now() + PATIENCE_MS;
      return false;
    }
  }

  /** What was written is still delivered, but not for longer than patience lasts. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.end();
    setTimeout(() => socket.destroy(), PATIENCE_MS).unref();
  }
}

export async function openUdpSink(host: string, port: string): Promise<LogSink> {
  const number = portNumber("udp", port);
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  socket.unref();
  try {
    const connected = once(socket, "connect");
    socket.connect(number, host);
    await connected;
  } catch (error) {
    socket.close();
    throw dialError("udp", `${host}:${port}`, error);
  }
  // Nobody there is no reason to stop: somebody may come.
  socket.on("error", () => undefined);
  return {
    send: (message) => new Promise((resolve) => socket.send(message, (error) => resolve(error === null))),
    [Symbol.dispose]: () => socket.close(),
  };
}

export async function openTcpSink(host: string, port: string): Promise<LogSink> {
  return openStreamSink(host, port, plainly({ host, port: portNumber("tcp", port) }));
}

/** @throws in Go's words when nobody is there */
export async function openStreamSink(host: string, port: string, dial: Dial): Promise<LogSink> {
  const shown = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  try {
    return new StreamSink(dial, await openStream(dial));
  } catch (error) {
    throw dialError("tcp", shown, error);
  }
}

/** A connection that is made when there is something to send. */
export const lazySink = (dial: Dial): LogSink => new StreamSink(dial, undefined);

export async function openUnixSink(network: "unix" | "unixgram", path: string): Promise<LogSink> {
  try {
    return network === "unixgram"
      ? new DatagramSink(path)
      : new StreamSink(plainly({ path }), await openStream(plainly({ path })));
  } catch (error) {
    throw dialError(network, path, error);
  }
}

/** The first of the paths at which somebody listens, by datagram or stream. */
export async function openFirstUnixSink(paths: readonly string[]): Promise<LogSink | undefined> {
  for (const path of paths) {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) continue;
    for (const network of ["unixgram", "unix"] as const) {
      const sink = await openUnixSink(network, path).catch(() => undefined);
      if (sink !== undefined) return sink;
    }
  }
  return undefined;
}

export function portNumber(network: string, port: string): number {
  const number = Number(port);
  if (/^\d+$/.test(port) && number > 0 && number < 65_536) return number;
  throw new Error(`dial ${network}: address ${port}: invalid port`);
}
