import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { readFrames, writeFrame } from "./frames.ts";
import { codeOfReply, MAX_MESSAGE_BYTES, ResponseCode, withId } from "./message.ts";
import type { DnsQuery } from "./message.ts";

/** A name server of the outside. */
export interface Upstream {
  readonly address: string;
  readonly port: number;
}

export type DnsTransport = "udp" | "tcp";

/** Docker's limits: three servers, four seconds for each, 1,024 queries under way. */
const MAX_UPSTREAMS = 3;
const TIMEOUT_MS = 4000;
const MAX_CONCURRENT = 1024;

/** What is to be asked, and of whom. */
export interface ForwardRequest {
  readonly query: DnsQuery;
  /** The query as it came. */
  readonly message: Uint8Array;
  /** In order of preference. */
  readonly upstreams: readonly Upstream[];
  /** As the asker came: an answer that is cut goes back as it is, and the asker asks again over TCP. */
  readonly transport: DnsTransport;
}

/**
 * Asks name servers outside, from the network namespace that the daemon is in. One for all containers, so that a flood of
 * questions from one cannot take the daemon's sockets.
 */
export class DnsForwarder {
  readonly #timeoutMs: number;
  readonly #maxConcurrent: number;
  #underWay = 0;

  constructor(limits: { readonly timeoutMs?: number; readonly maxConcurrent?: number } = {}) {
    this.#timeoutMs = limits.timeoutMs ?? TIMEOUT_MS;
    this.#maxConcurrent = limits.maxConcurrent ?? MAX_CONCURRENT;
  }

  /**
   * The answer of the first server that has one, under the asker's own id. A failure (SERVFAIL, REFUSED …) sends us on to
   * the next server, and is the answer if nobody has a better one; undefined when nobody answers at all.
   */
  async forward(request: ForwardRequest): Promise<Buffer | undefined> {
    if (this.#underWay >= this.#maxConcurrent) return undefined;
    this.#underWay += 1;
    try {
      return await this.#askInTurn(request);
    } finally {
      this.#underWay -= 1;
    }
  }

  async #askInTurn({ query, message, upstreams, transport }: ForwardRequest): Promise<Buffer | undefined> {
    let failure: Buffer | undefined;
    for (const upstream of upstreams.slice(0, MAX_UPSTREAMS)) {
      // A fresh id and a fresh port: the asker's own would let a container choose both for a forged answer.
      const id = randomInt(0x1_0000);
      const ask = transport === "udp" ? askUdp : askTcp;
      const reply = await ask(upstream, withId(message, id), {
        timeoutMs: this.#timeoutMs,
        accepts: (bytes) => codeOfReply(bytes, id, query.question) !== undefined,
      });
      if (reply === undefined) continue;
      const code = codeOfReply(reply, id, query.question);
      const answer = withId(reply, query.id);
      if (code === ResponseCode.NO_ERROR || code === ResponseCode.NAME_ERROR) return answer;
      failure ??= answer;
    }
    return failure;
  }
}

interface Exchange {
  readonly timeoutMs: number;
  /** False for what does not answer the question: it is left aside, and we wait on. */
  readonly accepts: (bytes: Uint8Array) => boolean;
}

function askUdp(upstream: Upstream, message: Buffer, exchange: Exchange): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(upstream.address.includes(":") ? "udp6" : "udp4");
    const finish = (reply?: Buffer): void => {
      clearTimeout(timer);
      socket.removeAllListeners("message").removeAllListeners("error");
      socket.on("error", () => undefined); // one that comes while it closes
      closeQuietly(socket);
      resolve(reply);
    };
    const timer = setTimeout(finish, exchange.timeoutMs);
    socket.on("error", () => finish());
    // Connected, the kernel drops what others send, and tells us of a port that nobody has.
    socket.connect(upstream.port, upstream.address, () => socket.send(message));
    socket.on("message", (bytes) => {
      if (exchange.accepts(bytes)) finish(bytes);
    });
  });
}

function closeQuietly(socket: { close(): unknown }): void {
  try {
    socket.close();
  } catch {
    // It was closed before.
  }
}

async function askTcp(upstream: Upstream, message: Buffer, exchange: Exchange): Promise<Buffer | undefined> {
  const socket = connect({ host: upstream.address, port: upstream.port });
  const timer = setTimeout(() => socket.destroy(), exchange.timeoutMs);
  socket.on("error", () => undefined); // ends the frames below
  try {
    writeFrame(socket, message);
    for await (const frame of readFrames(socket, MAX_MESSAGE_BYTES)) if (exchange.accepts(frame)) return frame;
    return undefined;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
