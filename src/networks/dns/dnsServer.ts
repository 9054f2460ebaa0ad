import { createSocket } from "node:dgram";
import type { BindOptions, RemoteInfo, Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type { ListenOptions, Server, Socket } from "node:net";
import { readFrames, writeFrame } from "./frames.ts";
import type { Resolver } from "./resolver.ts";

const MAX_CONNECTIONS = 64;
const IDLE_MS = 8000;
/** Of one container; the forwarder bounds those of all. */
const MAX_UNDER_WAY = 256;
const MAX_QUERY_BYTES = 4096;

/** Where to listen: `{ fd }` of a bound socket (we own it from then on), or an address. */
export interface DnsServerSockets {
  readonly udp: BindOptions;
  readonly tcp: ListenOptions | { readonly fd: number };
}

/** The DNS server of one container, over UDP and TCP. Closing it does not wait for questions under way. */
export class DnsServer implements AsyncDisposable {
  readonly #resolver: Resolver;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();
  #underWay = 0;
  #closed = false;

  private constructor(resolver: Resolver) {
    this.#resolver = resolver;
    this.#udp = createSocket("udp4");
    this.#tcp = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
    this.#tcp.maxConnections = MAX_CONNECTIONS;
    this.#udp.on("message", (message, from) => this.#onMessage(message, from));
  }

  /** Listens on both. @throws what the sockets say; nothing stays open then */
  static async open(resolver: Resolver, sockets: DnsServerSockets): Promise<DnsServer> {
    const server = new DnsServer(resolver);
    try {
      await server.#listen(sockets);
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  async #listen(sockets: DnsServerSockets): Promise<void> {
    const listening = Promise.all([once(this.#udp, "listening"), once(this.#tcp, "listening")]);
    this.#udp.bind(sockets.udp);
    this.#tcp.listen(sockets.tcp);
    await listening;
    // A namespace that is taken down under us must not take the daemon with it.
    this.#udp.on("error", () => undefined);
    this.#tcp.on("error", () => undefined);
  }

  /** The ports, for tests that let the kernel choose them. */
  get ports(): { readonly udp: number; readonly tcp: number } {
    const tcp = this.#tcp.address();
    return { udp: this.#udp.address().port, tcp: tcp !== null && typeof tcp === "object" ? tcp.port : 0 };
  }

  #onMessage(message: Buffer, from: RemoteInfo): void {
    // Dropped rather than queued: the asker asks again.
    if (this.#underWay >= MAX_UNDER_WAY) return;
    this.#underWay += 1;
    void this.#resolver
      .answer(message, "udp")
      .then((reply) => {
        if (reply !== undefined && !this.#closed) this.#udp.send(reply, from.port, from.address, () => undefined);
      })
      .finally(() => {
        this.#underWay -= 1;
      });
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    socket.on("error", () => undefined); // `close` follows
    socket.on("close", () => this.#connections.delete(socket));
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    void this.#answerAll(socket).finally(() => socket.destroy());
  }

  /** One question after the other: a client that sends many without reading stops itself. */
  async #answerAll(socket: Socket): Promise<void> {
    try {
      for await (const message of readFrames(socket, MAX_QUERY_BYTES)) {
        const reply = await this.#resolver.answer(message, "tcp");
        if (reply === undefined) return;
        if (!writeFrame(socket, reply)) await once(socket, "drain");
      }
      socket.end();
      await once(socket, "close");
    } catch {
      // The client went away.
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of this.#connections) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => {
        try {
          this.#udp.close(() => resolve());
        } catch {
          resolve(); // it never listened
        }
      }),
      new Promise<void>((resolve) => this.#tcp.close(() => resolve())),
    ]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
