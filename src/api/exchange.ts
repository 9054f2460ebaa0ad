import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { EngineError, ErrorCode } from "#errors";
import { untilWritable } from "./drain.ts";
import type { ApiVersion } from "./version.ts";

const MAX_JSON_BODY = 4 << 20;

/** A connection taken over by a handler: attach and exec streams. */
export interface Hijacked {
  readonly socket: Socket;
  /** Bytes that came right behind the request's headers. */
  readonly head: Uint8Array;
}

/**
 * One request and its answer. Handlers answer through exactly one of `json`, `empty`, `stream` or `hijack`.
 */
export class Exchange {
  readonly request: IncomingMessage;
  readonly version: ApiVersion;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Fires when the client goes away before the answer is complete. */
  readonly signal: AbortSignal;
  readonly #response: ServerResponse | undefined;
  readonly #upgrade: Hijacked | undefined;

  constructor(parts: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse | undefined;
    readonly upgrade: Hijacked | undefined;
    readonly version: ApiVersion;
    readonly params: Readonly<Record<string, string>>;
    readonly query: URLSearchParams;
  }) {
    this.request = parts.request;
    this.#response = parts.response;
    this.#upgrade = parts.upgrade;
    this.version = parts.version;
    this.params = parts.params;
    this.query = parts.query;
    const controller = new AbortController();
    this.signal = controller.signal;
    const gone = (): void => {
      if (this.#response?.writableFinished !== true)
        controller.abort(new EngineError("cancelled", ErrorCode.CANCELLED, "the client went away"));
    };
    (this.#response ?? parts.request.socket).once("close", gone);
  }

  /** True once headers are out: an error can then no longer become a status. */
  get started(): boolean {
    return this.#response?.headersSent ?? false;
  }

  param(name: string): string {
    return this.params[name] ?? "";
  }

  /** Docker's boolean query values: absent, "", 0, no, false and none are false. */
  flag(name: string, fallback = false): boolean {
    const value = this.query.get(name);
    if (value === null) return fallback;
    return !["", "0", "no", "false", "none"].includes(value.trim().toLowerCase());
  }

  /** @throws {invalid_argument} when the value is no whole number. */
  integer(name: string): number | undefined {
    const value = this.query.get(name);
    if (value === null || value === "") return undefined;
    if (!/^-?\d+$/.test(value))
      throw new EngineError(
        "invalid_argument",
        ErrorCode.BAD_REQUEST,
        `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`,
      );
    return Number(value);
  }

  /** The request body as JSON; undefined when it is empty. At most 4 MiB. */
  async readJson(): Promise<unknown> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.request as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > MAX_JSON_BODY)
        throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "http: request body too large");
      chunks.push(chunk);
    }
    if (size === 0) return undefined;
    try {
      return JSON.parse(Buffer.concat(chunks).toString("utf8"));
    } catch (cause) {
      throw new EngineError(
        "invalid_argument",
        ErrorCode.BAD_REQUEST,
        "invalid JSON: the request body could not be read",
        { cause },
      );
    }
  }

  /** The request body as it comes, with back-pressure. */
  body(): AsyncIterable<Uint8Array> {
    return this.request;
  }

  json(status: number, value: unknown): void {
    this.#send(status, "application/json", `${JSON.stringify(value)}\n`);
  }

  text(status: number, value: string): void {
    this.#send(status, "text/plain; charset=utf-8", value);
  }

  empty(status: number): void {
    this.#send(status, undefined, "");
  }

  #send(status: number, type: string | undefined, text: string): void {
    const response = this.#response;
    if (response === undefined) {
      this.#refuseUpgrade(status, text);
      return;
    }
    if (type !== undefined) response.setHeader("Content-Type", type);
    if (status !== 204 && status !== 304) response.setHeader("Content-Length", Buffer.byteLength(text));
    response.writeHead(status);
    response.end(this.request.method === "HEAD" ? undefined : text);
  }

  #refuseUpgrade(status: number, text: string): void {
    const socket = this.#upgrade?.socket;
    socket?.end(
      `HTTP/1.1 ${status} Error\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
    );
  }

  /** Starts a streamed answer; `write` waits while the client is slow. */
  stream(status: number, type: string): BodyWriter {
    const response = this.#response;
    if (response === undefined)
      throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "this endpoint does not upgrade");
    response.writeHead(status, { "Content-Type": type });
    response.flushHeaders();
    return {
      write: async (chunk) => {
        if (response.destroyed) throw new EngineError("cancelled", ErrorCode.CANCELLED, "the client went away");
        if (!response.write(chunk)) await untilWritable(response);
      },
      post: (chunk) => {
        if (!response.destroyed) response.write(chunk);
      },
      congested: () => response.writableNeedDrain,
      end: () => {
        response.end();
      },
      cut: () => {
        response.destroy();
      },
    };
  }

  /**
   * Takes the connection over, as Docker does for attach: `101 UPGRADED` when the client asked for an upgrade, a plain
   * `200 OK` otherwise. The caller owns the socket from then on.
   */
  hijack(contentType: string): Hijacked {
    const upgrade = this.#upgrade;
    if (upgrade !== undefined) {
      upgrade.socket.write(
        `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
      );
      return upgrade;
    }
    const socket = this.request.socket;
    this.#response?.detachSocket(socket);
    socket.removeAllListeners("data");
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\n\r\n`);
    return { socket, head: Buffer.alloc(0) };
  }
}

/** A streamed answer under way. */
export interface BodyWriter {
  /** Resolves when the client can take more. @throws {cancelled} when it is gone. */
  write(chunk: Uint8Array | string): Promise<void>;
  /** Writes without waiting: for small messages only. */
  post(chunk: string): void;
  /** True while the client is slower than we are: updates that can be lost should be. */
  congested(): boolean;
  end(): void;
  /** Breaks the connection, so that the client sees that the body is not whole. */
  cut(): void;
}
