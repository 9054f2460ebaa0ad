import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { EngineError, ErrorCode } from "#errors";
import { intakeOf } from "./bulkAgent.ts";
import { ByteQueue } from "./byteQueue.ts";
import { networkError } from "./networkError.ts";
import type { RequestLine } from "./networkError.ts";
import { cancelled } from "./retry.ts";

/** The head of an answer, and its body that must be read or discarded exactly once. */
export class HttpResponse {
  readonly status: number;
  /** `401 Unauthorized`, as in messages. */
  readonly statusLine: string;
  readonly headers: IncomingHttpHeaders;
  readonly request: RequestLine & { readonly signal?: AbortSignal | undefined };
  readonly #message: IncomingMessage;
  readonly #idleMs: number;

  constructor(
    message: IncomingMessage,
    request: RequestLine & { readonly signal?: AbortSignal | undefined },
    idleMs: number,
  ) {
    this.status = message.statusCode ?? 0;
    this.statusLine = `${this.status} ${message.statusMessage ?? ""}`.trim();
    this.headers = message.headers;
    this.request = request;
    this.#message = message;
    this.#idleMs = idleMs;
    message.on("error", ignore);
  }

  /** `Content-Length`, if it was told and makes sense. */
  get contentLength(): number | undefined {
    const text = this.headers["content-length"];
    const length = text === undefined ? Number.NaN : Number(text);
    return Number.isSafeInteger(length) && length >= 0 ? length : undefined;
  }

  /** The body in large chunks, each valid until the next is asked for. @throws {unavailable} when it is cut. */
  chunks(): AsyncIterable<Uint8Array> {
    const message = this.#message;
    const length = this.contentLength;
    const intake = length === undefined ? undefined : intakeOf(message);
    const flow = intake === undefined ? message : message.socket;
    const source = {
      pause: () => void flow.pause(),
      resume: () => void flow.resume(),
      close: () => this.close(),
    };
    const queue = new ByteQueue(source, {
      expectedBytes: length,
      idleMs: this.#idleMs,
      idleError: () => networkError(Object.assign(new Error("idle"), { code: "ETIMEDOUT" }), this.request),
    });
    message.on("error", (error) => queue.end(this.#broken(error)));
    message.on("close", () => queue.end(message.complete ? undefined : this.#broken(new Error("unexpected EOF"))));
    if (intake !== undefined && length !== undefined) {
      intake.divert(message, length, queue);
    } else {
      message.on("end", () => queue.end());
      message.on("data", (bytes: Uint8Array) => queue.push(bytes));
    }
    return queue;
  }

  /** The whole body. @throws {resource_exhausted} as soon as it is larger than `maxBytes`. */
  async bytes(maxBytes: number, what: string): Promise<Uint8Array> {
    const tooLarge = (): EngineError =>
      new EngineError("resource_exhausted", ErrorCode.REGISTRY, `${what} is larger than ${maxBytes} bytes`, {
        details: { maxBytes },
      });
    if ((this.contentLength ?? 0) > maxBytes) {
      this.discard();
      throw tooLarge();
    }
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this.chunks()) {
      length += chunk.length;
      if (length > maxBytes) throw tooLarge();
      parts.push(Uint8Array.from(chunk));
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** Lets go of the body: small ones are drained so that the connection can be used again. */
  discard(): void {
    const isSmall = this.request.method === "HEAD" || (this.contentLength ?? Infinity) <= MAX_DRAINED_BYTES;
    if (isSmall) this.#message.resume();
    else this.#message.destroy();
  }

  /** Drops the connection, whatever is left of the body. Idempotent. */
  close(): void {
    this.#message.destroy();
  }

  #broken(error: Error): EngineError {
    const { signal } = this.request;
    if (signal?.aborted === true) return cancelled(signal);
    return Object.hasOwn(error, "code") ? networkError(error, this.request) : cut(error, this.request);
  }
}

const MAX_DRAINED_BYTES = 64 << 10;

function cut(error: Error, line: RequestLine): EngineError {
  return networkError(Object.assign(new Error(error.message), { code: "ECONNRESET" }), line);
}

/** Errors reach whoever reads the body; a body nobody reads must not bring down the process. */
function ignore(): void {}
